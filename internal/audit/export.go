package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// An export is lines of JSON, each with a type: one "header", then every "batch"
// with the "event"s in its reach behind it, what is "unsealed", and an "end" that
// counts. Bytes are base64. Nothing else is needed to check it.
const (
	exportFormat = 1
	longestLine  = 8 << 20
)

type lineHeader struct {
	Type       string          `json:"type"`
	Format     int             `json:"format"`
	Instance   string          `json:"instance"`
	PublicKeys json.RawMessage `json:"public_keys"`
	Remembers  *string         `json:"remembers,omitempty"` // the head that the store remembers
}

type lineBatch struct {
	Type      string    `json:"type"`
	Number    int64     `json:"number"`
	First     int64     `json:"first"`
	Count     int64     `json:"count"`
	Root      []byte    `json:"root"`
	Previous  []byte    `json:"previous,omitempty"`
	At        time.Time `json:"at"`
	Signature []byte    `json:"signature"`
}

// Line is an event as programs read it.
type Line struct {
	Type     string            `json:"type,omitempty"`
	Batch    int64             `json:"batch,omitempty"`
	Position int64             `json:"position,omitempty"`
	Seq      int64             `json:"seq"`
	At       time.Time         `json:"at"`
	Name     string            `json:"name"`
	Tenant   core.TenantID     `json:"tenant"`
	Actor    string            `json:"actor"`
	Target   string            `json:"target,omitempty"`
	Result   string            `json:"result"`
	Reason   string            `json:"reason,omitempty"`
	Address  string            `json:"address,omitempty"`
	Request  string            `json:"request,omitempty"`
	Session  core.SessionID    `json:"session,omitempty"`
	Detail   map[string]string `json:"detail,omitempty"`
}

type lineEnd struct {
	Type     string `json:"type"`
	Batches  int64  `json:"batches"`
	Events   int64  `json:"events"`
	Unsealed int64  `json:"unsealed"`
}

// LineOf is an event for programs.
func LineOf(e core.Event) Line {
	return Line{Batch: e.Batch, Position: e.Position, Seq: e.Seq, At: e.At, Name: e.Name, Tenant: e.Tenant, Actor: e.Actor, Target: e.Target,
		Result: e.Result, Reason: e.Reason, Address: e.Address, Request: e.Request, Session: e.Session, Detail: e.Detail}
}

func (l Line) event() core.Event {
	return core.Event{Batch: l.Batch, Position: l.Position, Seq: l.Seq, At: l.At, Name: l.Name, Tenant: l.Tenant, Actor: l.Actor, Target: l.Target,
		Result: l.Result, Reason: l.Reason, Address: l.Address, Request: l.Request, Session: l.Session, Detail: l.Detail}
}

// Export writes the whole log with its chain.
func Export(ctx context.Context, st store.Store, ring *secret.Ring, w io.Writer) error {
	instance, err := st.Meta(ctx, "instance")
	if err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	remembers, err := st.Meta(ctx, store.MetaAuditHead) // before the walk, which may meet newer batches
	if err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	buf := bufio.NewWriterSize(w, 1<<16)
	x := &exporter{out: json.NewEncoder(buf)}
	x.out.SetEscapeHTML(false)
	if err := x.out.Encode(lineHeader{"header", exportFormat, instance, ring.PublicKeys(), &remembers}); err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	if err := walk(ctx, st, x, nil); err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	x.count.Type = "end"
	if err := x.out.Encode(x.count); err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	return buf.Flush()
}

type exporter struct {
	out   *json.Encoder
	count lineEnd
}

func (x *exporter) batch(b core.Batch) error {
	x.count.Batches++
	return x.out.Encode(lineBatch{"batch", b.Number, b.First, b.Count, b.Root, b.Previous, b.At.UTC(), b.Signature})
}

func (x *exporter) event(e core.Event) error {
	x.count.Events++
	l := LineOf(e)
	l.Type = "event"
	return x.out.Encode(l)
}

func (x *exporter) unsealed(e core.Event) error {
	x.count.Unsealed++
	l := LineOf(e)
	l.Type = "unsealed"
	return x.out.Encode(l)
}

// ErrNoExport says that a file is no export of the audit log.
var ErrNoExport = errors.New("this is not an export of the audit log")

// Verify checks an export, from itself alone. Its signatures are checked with the
// keys that it brings, so they show who wrote it only to somebody who knows these
// keys (Report.Keys) or kept a head of the chain, which pinned is.
func Verify(r io.Reader, pinned *Head) (Report, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	first, err := readLine(in)
	if err != nil && !errors.Is(err, io.EOF) {
		return Report{}, fmt.Errorf("read the export: %w", err)
	}
	var head lineHeader
	if strict(first, &head) != nil || head.Type != "header" {
		return Report{}, ErrNoExport
	}
	if head.Format != exportFormat {
		return Report{}, fmt.Errorf("the export has format %d, this program knows %d", head.Format, exportFormat)
	}
	c := &checker{pinned: pinned, verify: func(data, signature []byte) error { return secret.VerifyWith(head.PublicKeys, data, signature) }}
	c.report.Instance, c.report.Keys = head.Instance, fingerprint(head.PublicKeys)
	if head.Remembers != nil {
		c.recollect(*head.Remembers)
	}
	var end *lineEnd
	for n := int64(2); ; n++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Report{}, fmt.Errorf("read line %d of the export: %w", n, err)
		}
		if end != nil {
			c.find(Finding{Kind: FoundInserted, Text: fmt.Sprintf("line %d stands behind the end", n)})
			break
		}
		if end, err = c.line(line); err != nil {
			c.find(Finding{Kind: FoundUnreadable, Text: fmt.Sprintf("line %d cannot be read: %v", n, err)})
		}
	}
	got := lineEnd{"end", c.report.Batches, c.report.Events, c.report.Unsealed}
	switch {
	case end == nil:
		c.find(Finding{Kind: FoundDeleted, Text: "the export has no end: it was cut off"})
	case *end != got:
		c.find(Finding{Kind: FoundChanged, Text: fmt.Sprintf("the export has %d batches, %d events and %d unsealed ones, its end counts %d, %d and %d",
			got.Batches, got.Events, got.Unsealed, end.Batches, end.Events, end.Unsealed)})
	}
	return c.end(), nil
}

// line takes one line of an export.
func (c *checker) line(b []byte) (*lineEnd, error) {
	var is struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(b, &is); err != nil {
		return nil, errors.New("it is no JSON object")
	}
	switch is.Type {
	case "batch":
		var l lineBatch
		if err := strict(b, &l); err != nil {
			return nil, err
		}
		return nil, c.batch(core.Batch{Number: l.Number, First: l.First, Count: l.Count, Root: l.Root, Previous: l.Previous, At: l.At, Signature: l.Signature})
	case "event", "unsealed":
		var l Line
		if err := strict(b, &l); err != nil {
			return nil, err
		}
		if is.Type == "event" {
			return nil, c.event(l.event())
		}
		return nil, c.unsealed(l.event())
	case "end":
		var l lineEnd
		err := strict(b, &l)
		return &l, err
	}
	return nil, fmt.Errorf("its type is %.40q", is.Type)
}

// strict reads one object whose every member is known.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more on it than one object")
	}
	return nil
}

func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > longestLine {
			return nil, errors.New("it is longer than any line of an export")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(line, "\n"), err
		}
	}
}

// VerifyStore checks the chain of a store that may be in use.
func VerifyStore(ctx context.Context, st store.Store, ring *secret.Ring, pinned *Head, progress Progress) (Report, error) {
	c := &checker{pinned: pinned, verify: ring.Verify}
	var err error
	if c.report.Instance, err = st.Meta(ctx, "instance"); err != nil {
		return Report{}, err
	}
	c.report.Keys = fingerprint(ring.PublicKeys())
	remembers, err := st.Meta(ctx, store.MetaAuditHead)
	if err != nil {
		return Report{}, err
	}
	c.recollect(remembers)
	if err := walk(ctx, st, c, progress); err != nil {
		return Report{}, err
	}
	if err := foundless(ctx, st, c); err != nil {
		return Report{}, err
	}
	return c.end(), nil
}

// fingerprint names a set of public keys.
func fingerprint(keys []byte) string {
	var flat bytes.Buffer
	if json.Compact(&flat, keys) != nil {
		return ""
	}
	sum := sha256.Sum256(flat.Bytes())
	return hex.EncodeToString(sum[:])
}
