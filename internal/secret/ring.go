package secret

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Purposes of the key ring. Each has a keyset and a row of its own.
const (
	PurposeSeal = "seal" // AES-256-GCM: documents that must be read again
	PurposeHash = "hash" // HMAC-SHA-256: recovery codes and the like
	PurposeSign = "sign" // Ed25519: batches of the audit log
)

func purposes() []string { return []string{PurposeSeal, PurposeHash, PurposeSign} }

// KeyRow is one keyset as it is stored: wrapped by the master key.
type KeyRow struct {
	Purpose   string
	Version   int64
	Wrapped   []byte
	ChangedAt time.Time
}

// RingStore keeps the rows of the ring. SaveKey inserts when ifVersion is 0 and
// otherwise replaces the row that has exactly this version; when there is such
// a row already, or no longer, it answers ErrRingChanged and changes nothing.
//
// LoadKeys is also called while some other transaction of the same goroutine
// is open, when that transaction meets a key made elsewhere a moment ago. It
// must not need the connection that this transaction holds.
type RingStore interface {
	LoadKeys(ctx context.Context) ([]KeyRow, error)
	SaveKey(ctx context.Context, row KeyRow, ifVersion int64) error
}

var (
	// ErrRingChanged: another node wrote the row first.
	ErrRingChanged = errors.New("the key ring has changed meanwhile")
	// ErrSealed: not sealed by this ring, or for another record, or altered.
	// Which of these is not told apart: that would help only a forger.
	ErrSealed = errors.New("the sealed value cannot be opened")
	// ErrSignature: not signed by this ring, or altered.
	ErrSignature = errors.New("the signature does not match")
	// ErrWrongMaster: the store's ring is wrapped by a key that the file lacks.
	ErrWrongMaster = errors.New("this master key opens nothing in this store")
)

const (
	rereadEvery   = time.Second     // how often unknown key ids may cost a read
	rereadTimeout = 2 * time.Second // how long such a read may take
)

// Ring seals, hashes and signs. Its methods may be called from many goroutines.
type Ring struct {
	store  RingStore
	master Master
	now    func() time.Time
	keys   atomic.Pointer[keys]

	rereading sync.Mutex
	rereadAt  time.Time // guarded by rereading
}

// OpenRing reads the ring and makes the keysets that are missing. Two nodes may
// do so at once: one of them wins and the other takes the winner's keys.
func OpenRing(ctx context.Context, store RingStore, master Master, now func() time.Time) (*Ring, error) {
	if master.Len() == 0 {
		return nil, errors.New("open the key ring: no master key")
	}
	r := &Ring{store: store, master: master, now: now}
	if err := r.Refresh(ctx); err != nil {
		return nil, err
	}
	for _, purpose := range purposes() {
		if r.keys.Load().sets[purpose] != nil {
			continue
		}
		if err := r.create(ctx, purpose); err != nil {
			return nil, fmt.Errorf("open the key ring: %w", err)
		}
	}
	return r, nil
}

// Refresh reads the ring again. The change feed calls it, so that most new
// keys are known before anything made with them arrives.
func (r *Ring) Refresh(ctx context.Context) error {
	rows, err := r.store.LoadKeys(ctx)
	if err != nil {
		return fmt.Errorf("read the key ring: %w", err)
	}
	next, err := readKeys(rows, r.master)
	if err != nil {
		return fmt.Errorf("read the key ring: %w", err)
	}
	r.keys.Store(next)
	return nil
}

// Seal encrypts plain so that it opens only with the same bind: the tenant's
// id, the kind of record and the record's id, so that nothing sealed can be
// moved to another row.
func (r *Ring) Seal(plain []byte, bind ...string) ([]byte, error) {
	sealed, err := r.keys.Load().seal.Encrypt(plain, joined(bind))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// Open returns what Seal was given, or ErrSealed.
func (r *Ring) Open(sealed []byte, bind ...string) ([]byte, error) {
	k := r.keysFor(PurposeSeal, sealed)
	plain, err := k.seal.Decrypt(sealed, joined(bind))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// KeyedHash hashes data under the ring's hash key. The purpose keeps hashes of
// different kinds apart. The result names its key, so that hashes made before a
// rotation can still be checked. It is for secrets with much entropy; passwords
// go to the Hasher.
func (r *Ring) KeyedHash(purpose string, data []byte) ([]byte, error) {
	k := r.keys.Load()
	return k.hashWith(k.hash.PrimaryID, purpose, data)
}

// KeyedHashes returns the hash under every key of the ring, newest first, for
// looking up a record by a secret that somebody presents.
func (r *Ring) KeyedHashes(purpose string, data []byte) ([][]byte, error) {
	k := r.keys.Load()
	set := k.sets[PurposeHash]
	var out [][]byte
	for i := len(set.order) - 1; i >= 0; i-- {
		h, err := k.hashWith(set.order[i], purpose, data)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// CheckKeyedHash reports whether stored is the hash of data for this purpose.
func (r *Ring) CheckKeyedHash(purpose string, data, stored []byte) bool {
	id, ok := keyID(stored)
	if !ok {
		return false
	}
	got, err := r.keysFor(PurposeHash, stored).hashWith(id, purpose, data)
	return err == nil && Equal(got, stored)
}

// Sign signs data with the ring's signing key.
func (r *Ring) Sign(data []byte) ([]byte, error) {
	signature, err := r.keys.Load().sign.Sign(data)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}

// Verify answers nil or ErrSignature.
func (r *Ring) Verify(data, signature []byte) error {
	if r.keysFor(PurposeSign, signature).verify.Verify(signature, data) != nil {
		return ErrSignature
	}
	return nil
}

// PublicKeys returns the public halves of all signing keys as a JSON keyset.
// With it VerifyWith needs neither the store nor the master key.
func (r *Ring) PublicKeys() []byte {
	return append([]byte(nil), r.keys.Load().public...)
}

// keysFor returns keys that know the key id in front of data. If that id is
// unknown here, another node may have just made it: the ring is read again, at
// most once a second, because data can come from outside and name any id.
func (r *Ring) keysFor(purpose string, data []byte) *keys {
	k := r.keys.Load()
	id, ok := keyID(data)
	if !ok || k.sets[purpose].has(id) {
		return k
	}
	r.rereading.Lock()
	defer r.rereading.Unlock()
	if k = r.keys.Load(); k.sets[purpose].has(id) {
		return k
	}
	now := r.now()
	if since := now.Sub(r.rereadAt); since >= 0 && since < rereadEvery {
		return k
	}
	r.rereadAt = now
	ctx, cancel := context.WithTimeout(context.Background(), rereadTimeout)
	defer cancel()
	if r.Refresh(ctx) != nil {
		return k // what is known stays usable; the store's trouble shows elsewhere
	}
	return r.keys.Load()
}

// keyID reads the id that sealed values, keyed hashes and signatures all carry
// in their first five bytes.
func keyID(data []byte) (uint32, bool) {
	if len(data) < prefixBytes || data[0] != prefixVersion {
		return 0, false
	}
	return binary.BigEndian.Uint32(data[1:prefixBytes]), true
}

const (
	prefixVersion = 1
	prefixBytes   = 5
)

// joined writes each part behind its length, so that ("ab","c") and ("a","bc")
// differ.
func joined(parts []string) []byte {
	var out []byte
	for _, part := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}
