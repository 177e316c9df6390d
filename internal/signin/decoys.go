package signin

import (
	"context"
	"encoding/binary"
	"maps"
	"math/big"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Decoys chooses what a guess at nobody's password is checked against.
//
// Where all hashes are our own, every check takes the same time. Imported ones
// take their own, some ten times as long, until their owner signs in: then an
// unknown login that is always checked at our cost would stand out, and the quick
// answers would be a list of who has no account. So each login that nobody has
// is given a setting of its own, once and for all by a keyed hash, in the shares
// that the settings have among the passwords that are stored.
type Decoys struct {
	Ring   *secret.Ring
	Hasher *secret.Hasher

	said atomic.Bool // that hashes are imported; it is never unsaid

	mu    sync.RWMutex
	total int64
	kinds []decoy
}

// decoy stands for all passwords of one setting.
type decoy struct {
	setting string
	count   int64
	hash    string // that no password matches
}

// Set takes the number of passwords of each setting, our own under "".
func (d *Decoys) Set(counts map[string]int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set(counts)
}

func (d *Decoys) set(counts map[string]int64) {
	if d.Hasher == nil {
		return // a verb that hashes nothing asks for no decoys either
	}
	old := map[string]string{}
	for _, k := range d.kinds {
		old[k.setting] = k.hash
	}
	d.kinds, d.total = nil, 0
	for _, setting := range slices.Sorted(maps.Keys(counts)) {
		n := counts[setting]
		if n <= 0 {
			continue
		}
		d.total += n
		hash := old[setting]
		switch {
		case setting == "":
			hash = d.Hasher.Dummy()
		case hash == "":
			hash = d.Hasher.Decoy(setting)
		}
		d.kinds = append(d.kinds, decoy{setting, n, hash})
	}
}

// Add counts passwords that have just come in.
func (d *Decoys) Add(counts map[string]int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := maps.Clone(counts)
	for _, k := range d.kinds {
		all[k.setting] += k.count
	}
	d.set(all)
}

// For is the decoy of a login that nobody has, or that has no password.
func (d *Decoys) For(loginKey string) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if len(d.kinds) == 0 || len(d.kinds) == 1 {
		return d.one()
	}
	sum, err := d.Ring.KeyedHash("decoy", []byte(loginKey))
	if err != nil || len(sum) < 8 {
		return d.Hasher.Dummy()
	}
	// The last eight bytes as a fraction of the whole: the number of a password.
	at := new(big.Int).SetUint64(binary.BigEndian.Uint64(sum[len(sum)-8:]))
	at.Rsh(at.Mul(at, big.NewInt(d.total)), 64)
	n := at.Int64()
	for _, k := range d.kinds {
		if n < k.count {
			return k.hash
		}
		n -= k.count
	}
	return d.Hasher.Dummy()
}

func (d *Decoys) one() string {
	if len(d.kinds) == 1 {
		return d.kinds[0].hash
	}
	return d.Hasher.Dummy()
}

// Instead is the decoy of an account whose password is not looked at, because
// it is locked: it takes as long as its own hash would.
func (d *Decoys) Instead(stored string) string {
	setting := secret.SettingOf(stored)
	if setting == "" {
		return d.Hasher.Dummy()
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, k := range d.kinds {
		if k.setting == setting {
			return k.hash
		}
	}
	return d.Hasher.Decoy(setting)
}

// metaImported says in the store that hashes were ever imported. Where they
// were not, nobody counts them.
const metaImported = "imported_hashes"

// Count looks at what is stored, and says when to look again.
func (d *Decoys) Count(ctx context.Context, st store.Store) (again time.Duration, err error) {
	const soon, later = 10 * time.Minute, time.Hour
	ever, err := st.Meta(ctx, metaImported)
	if err != nil || ever == "" {
		return soon, err
	}
	counts, err := st.HashSettings(ctx)
	if err != nil {
		return soon, err
	}
	d.Set(counts)
	if len(counts) == 0 || len(counts) == 1 && counts[""] > 0 {
		return later, nil
	}
	return soon, nil
}

// Imported is told of passwords before they come in. It is safe to say so and
// bring in none.
func (d *Decoys) Imported(ctx context.Context, st store.Store) error {
	if d.said.Load() {
		return nil
	}
	err := st.SetMeta(ctx, metaImported, "yes")
	if err == nil {
		d.said.Store(true)
	}
	return err
}
