package secret

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/signature"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keys is one reading of the ring: never changed, only replaced.
type keys struct {
	sets   map[string]*keySet
	tokens map[string]*tokenSet // by algorithm
	seal   tink.AEAD
	hash   *prf.Set
	sign   tink.Signer
	verify tink.Verifier
	public []byte
}

// keySet is one purpose's keys with what the library does not keep about them.
type keySet struct {
	handle    *keyset.Handle
	made      map[uint32]time.Time
	order     []uint32 // oldest first
	version   int64
	wrappedBy int
}

func (s *keySet) has(id uint32) bool {
	return s != nil && slices.Contains(s.order, id)
}

// document is what gets wrapped. It is sealed whole, so the keyset inside is
// written in clear: the wrapping is ours because one row must open with any of
// several master keys.
type document struct {
	Format int              `json:"format"`
	Keyset []byte           `json:"keyset"`
	Made   map[uint32]int64 `json:"made"` // key id to Unix microseconds
}

const documentFormat = 1

func template(purpose string) *tinkpb.KeyTemplate {
	switch purpose {
	case PurposeSeal:
		return aead.AES256GCMKeyTemplate()
	case PurposeHash:
		return prf.HMACSHA256PRFKeyTemplate()
	default:
		return signature.ED25519KeyTemplate()
	}
}

// wrapBind keeps a wrapped row from standing in for another purpose's.
func wrapBind(purpose string) []byte {
	return joined([]string{"key ring", purpose})
}

// readKeys unwraps all rows and prepares what they are for. Purposes that have
// no row yet are left out.
func readKeys(rows []KeyRow, master Master) (*keys, error) {
	k := &keys{sets: make(map[string]*keySet), tokens: make(map[string]*tokenSet)}
	opened := 0
	for _, row := range rows {
		if alg, ok := algOfPurpose(row.Purpose); ok {
			set, err := unwrapTokens(row, alg, master)
			if err != nil && !errors.Is(err, errNotOurs) {
				return nil, fmt.Errorf("keys for %s: %w", row.Purpose, err)
			}
			if err == nil {
				opened++
				k.tokens[alg] = set
			}
			continue
		}
		if !slices.Contains(purposes(), row.Purpose) {
			continue // a newer release's
		}
		set, err := unwrapSet(row, master)
		if errors.Is(err, errNotOurs) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("keys for %s: %w", row.Purpose, err)
		}
		opened++
		k.sets[row.Purpose] = set
	}
	for _, row := range rows {
		alg, tokens := algOfPurpose(row.Purpose)
		if tokens && k.tokens[alg] != nil || !tokens && (!slices.Contains(purposes(), row.Purpose) || k.sets[row.Purpose] != nil) {
			continue
		}
		if opened == 0 {
			return nil, ErrWrongMaster
		}
		return nil, fmt.Errorf("no key of the master key file opens the keys for %s: the file lacks a line it had", row.Purpose)
	}
	for purpose, set := range k.sets {
		if err := k.prepare(purpose, set.handle); err != nil {
			return nil, fmt.Errorf("keys for %s: %w", purpose, err)
		}
	}
	return k, nil
}

func (k *keys) prepare(purpose string, handle *keyset.Handle) (err error) {
	switch purpose {
	case PurposeSeal:
		k.seal, err = aead.New(handle)
	case PurposeHash:
		k.hash, err = prf.NewPRFSet(handle)
	case PurposeSign:
		if k.sign, err = signature.NewSigner(handle); err != nil {
			return err
		}
		public, err := handle.Public()
		if err != nil {
			return err
		}
		if k.verify, err = signature.NewVerifier(public); err != nil {
			return err
		}
		var text bytes.Buffer
		if err := public.WriteWithNoSecrets(keyset.NewJSONWriter(&text)); err != nil {
			return err
		}
		k.public = bytes.TrimSpace(text.Bytes())
	}
	return err
}

func unwrapSet(row KeyRow, master Master) (*keySet, error) {
	plain, by, err := master.unwrap(row.Wrapped, wrapBind(row.Purpose))
	if err != nil {
		return nil, err
	}
	var doc document
	if err := json.Unmarshal(plain, &doc); err != nil {
		return nil, errors.New("unreadable after unwrapping")
	}
	if doc.Format != documentFormat {
		return nil, fmt.Errorf("written in format %d, this program knows %d", doc.Format, documentFormat)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(doc.Keyset)))
	if err != nil {
		return nil, err
	}
	set := &keySet{handle: handle, made: make(map[uint32]time.Time), version: row.Version, wrappedBy: by}
	for id, at := range doc.Made {
		set.made[id] = time.UnixMicro(at).UTC()
	}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, err
		}
		set.order = append(set.order, entry.KeyID())
	}
	return set, nil
}

// wrapSet is the row that replaces one of the given version.
func wrapSet(purpose string, handle *keyset.Handle, made map[uint32]time.Time, ifVersion int64, master Master, now time.Time) (KeyRow, error) {
	var raw bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&raw)); err != nil {
		return KeyRow{}, err
	}
	doc := document{Format: documentFormat, Keyset: raw.Bytes(), Made: make(map[uint32]int64)}
	for id, at := range made {
		doc.Made[id] = at.UnixMicro()
	}
	plain, err := json.Marshal(doc)
	if err != nil {
		return KeyRow{}, err
	}
	wrapped, err := master.wrap(plain, wrapBind(purpose))
	if err != nil {
		return KeyRow{}, err
	}
	return KeyRow{Purpose: purpose, Version: ifVersion + 1, Wrapped: wrapped, ChangedAt: now}, nil
}

// hashWith is one keyed hash: the key's prefix and 32 bytes.
func (k *keys) hashWith(id uint32, purpose string, data []byte) ([]byte, error) {
	key, ok := k.hash.PRFs[id]
	if !ok {
		return nil, fmt.Errorf("keyed hash: key %d is not in the ring", id)
	}
	sum, err := key.ComputePRF(append(joined([]string{purpose}), data...), 32)
	if err != nil {
		return nil, fmt.Errorf("keyed hash: %w", err)
	}
	out := make([]byte, 0, prefixBytes+len(sum))
	out = append(out, prefixVersion)
	out = binary.BigEndian.AppendUint32(out, id)
	return append(out, sum...), nil
}

// VerifyWith checks a signature against keys that PublicKeys returned, maybe
// years ago and on another machine.
func VerifyWith(publicKeys, data, sig []byte) error {
	handle, err := keyset.ReadWithNoSecrets(keyset.NewJSONReader(bytes.NewReader(publicKeys)))
	if err != nil {
		return fmt.Errorf("read the public keys: %w", err)
	}
	verifier, err := signature.NewVerifier(handle)
	if err != nil {
		return fmt.Errorf("read the public keys: %w", err)
	}
	if verifier.Verify(sig, data) != nil {
		return ErrSignature
	}
	return nil
}
