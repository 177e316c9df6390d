package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sallyport/internal/core"
)

// Verb is something the command line does to a house. In is the verb's own JSON;
// what it writes to out is its result. The same function runs in the process of
// the command line and, behind the socket, in the server's.
type Verb func(ctx context.Context, h *House, in json.RawMessage, out io.Writer) error

const socketName = "sallyport.sock"

// listenSocket opens the socket by which verbs reach a running server: in the
// data folder, for this user only.
func listenSocket(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	// Whoever holds the folder's lock owns what is left of an earlier run.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("socket in the data folder: %w", err)
	}
	short, done, err := socketAddress(dir)
	if err != nil {
		return nil, fmt.Errorf("socket in the data folder: %w", err)
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("socket in the data folder: %w", err)
	}
	l.SetUnlinkOnClose(false) // the short name is not its name for ever
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("socket in the data folder: %w", err)
	}
	return unixListener{l, path}, nil
}

type unixListener struct {
	*net.UnixListener
	path string
}

func (l unixListener) Close() error {
	return errors.Join(l.UnixListener.Close(), os.Remove(l.path))
}

// socketAddress is a name of the socket that fits into the 108 bytes which the
// system grants, however deep the folder lies. done is called after its use.
func socketAddress(dir string) (name string, done func(), err error) {
	name = filepath.Join(dir, socketName)
	if len(name) < 100 {
		return name, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(int(f.Fd())), socketName), func() { _ = f.Close() }, nil
}

// trailer of an answer: the fault of a verb that failed after it began to write.
const faultTrailer = "Sallyport-Fault"

type wireFault struct {
	Kind       int            `json:"kind"`
	Code       string         `json:"code"`
	Params     map[string]any `json:"params,omitempty"`
	RetryAfter time.Duration  `json:"retry_after,omitempty"`
	Message    string         `json:"message,omitempty"`
}

func (h *House) shell(verbs map[string]Verb) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /verb/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", faultTrailer)
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(time.Time{})
		_ = rc.SetWriteDeadline(time.Time{})
		verb, ok := verbs[r.PathValue("name")]
		var err error
		if !ok {
			err = core.ErrNotFound.With("verb", r.PathValue("name"))
		} else {
			var in []byte
			if in, err = io.ReadAll(io.LimitReader(r.Body, 64<<20)); err == nil {
				err = verb(r.Context(), h, in, flushing{w, rc})
			}
		}
		h.Feed.Wake()
		if err == nil {
			return
		}
		f := wireFault{Message: err.Error()}
		if fault, ok := core.AsFault(err); ok {
			f.Kind, f.Code, f.Params, f.RetryAfter = int(fault.Kind), fault.Code, fault.Params, fault.RetryAfter
		}
		b, _ := json.Marshal(f)
		w.Header().Set(faultTrailer, string(b))
	})
	return mux
}

type flushing struct {
	io.Writer
	rc *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err == nil {
		err = f.rc.Flush()
	}
	return n, err
}

// RemoteError is a verb's failure inside the server that is no fault.
type RemoteError struct{ Message string }

func (e RemoteError) Error() string { return e.Message }

// ErrNoServer says that nothing answers at the socket.
var ErrNoServer = errors.New("nothing answers at the socket in the data folder")

// CallServer runs a verb in the server that holds the data folder. ErrNoServer
// means that the verb did not begin.
func CallServer(ctx context.Context, dir, verb string, in json.RawMessage, out io.Writer) error {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		name, done, err := socketAddress(dir)
		if err != nil {
			return nil, errors.Join(ErrNoServer, err)
		}
		defer done()
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", name)
		if err != nil {
			return nil, errors.Join(ErrNoServer, err)
		}
		return conn, nil
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sallyport/verb/"+verb, bytes.NewReader(in))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address, which means nothing to anybody
		}
		return fmt.Errorf("the server that holds the data folder does not answer: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("the server's answer broke off: %w", err)
	}
	text := resp.Trailer.Get(faultTrailer)
	if text == "" {
		return nil
	}
	var f wireFault
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return RemoteError{text}
	}
	if f.Code == "" {
		return RemoteError{f.Message}
	}
	return &core.Fault{Kind: core.Kind(f.Kind), Code: f.Code, Params: f.Params, RetryAfter: f.RetryAfter}
}
