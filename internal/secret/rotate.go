package secret

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tink-crypto/tink-go/v2/keyset"
)

// KeyInfo is what an operator may see of a key.
type KeyInfo struct {
	Purpose string
	ID      string
	Primary bool
	MadeAt  time.Time
	Status  string // "enabled" or "disabled"; of a key for tokens "waiting" before it signs
	// WrappedBy counts the lines of the master key file from 1. A line is safe
	// to take away once no key is wrapped by it.
	WrappedBy int
}

// saveTries bounds how often a change starts again because another node was
// faster; real rings change a few times a year.
const saveTries = 5

// Rotate adds a key for the purpose and makes it the one that is used from now
// on. Older keys stay, so what they made can still be opened, checked and
// verified. Nothing is encrypted again.
func (r *Ring) Rotate(ctx context.Context, purpose string) error {
	if !slices.Contains(purposes(), purpose) {
		return fmt.Errorf("rotate: there is no key ring purpose %q", purpose)
	}
	err := r.change(ctx, purpose, func(set *keySet) (KeyRow, bool, error) {
		manager := keyset.NewManagerFromHandle(set.handle)
		id, err := manager.Add(template(purpose))
		if err != nil {
			return KeyRow{}, false, err
		}
		if err := manager.SetPrimary(id); err != nil {
			return KeyRow{}, false, err
		}
		handle, err := manager.Handle()
		if err != nil {
			return KeyRow{}, false, err
		}
		now := r.now()
		made := map[uint32]time.Time{id: now}
		for old, at := range set.made {
			made[old] = at
		}
		row, err := wrapSet(purpose, handle, made, set.version, r.master, now)
		return row, err == nil, err
	})
	if err != nil {
		return fmt.Errorf("rotate the keys for %s: %w", purpose, err)
	}
	return nil
}

// Rewrap wraps every keyset by the first line of the master key file and says
// how many were not. The keys themselves stay the same.
func (r *Ring) Rewrap(ctx context.Context) (int, error) {
	n := 0
	for _, purpose := range purposes() {
		changed := false
		err := r.change(ctx, purpose, func(set *keySet) (KeyRow, bool, error) {
			if changed = set.wrappedBy != 0; !changed {
				return KeyRow{}, false, nil
			}
			row, err := wrapSet(purpose, set.handle, set.made, set.version, r.master, r.now())
			return row, err == nil, err
		})
		if err != nil {
			return n, fmt.Errorf("rewrap the keys for %s: %w", purpose, err)
		}
		if changed {
			n++
		}
	}
	for _, alg := range r.TokenAlgs() {
		changed := false
		err := r.changeTokens(ctx, alg, func(set *tokenSet) error {
			if changed = set.wrappedBy != 0; !changed {
				return errNothingToDo
			}
			return nil
		})
		if err != nil {
			return n, fmt.Errorf("rewrap the %s keys: %w", alg, err)
		}
		if changed {
			n++
		}
	}
	return n, nil
}

// List reads the ring again and describes its keys, by purpose, oldest first.
func (r *Ring) List(ctx context.Context) ([]KeyInfo, error) {
	if err := r.Refresh(ctx); err != nil {
		return nil, err
	}
	k := r.keys.Load()
	var out []KeyInfo
	for _, purpose := range purposes() {
		set := k.sets[purpose]
		if set == nil {
			continue
		}
		for i := range set.handle.Len() {
			entry, err := set.handle.Entry(i)
			if err != nil {
				return nil, fmt.Errorf("list the keys for %s: %w", purpose, err)
			}
			status := "disabled"
			if entry.KeyStatus() == keyset.Enabled {
				status = "enabled"
			}
			out = append(out, KeyInfo{
				Purpose: purpose, ID: strconv.FormatUint(uint64(entry.KeyID()), 10), Primary: entry.IsPrimary(),
				MadeAt: set.made[entry.KeyID()], Status: status, WrappedBy: set.wrappedBy + 1,
			})
		}
	}
	for _, alg := range r.TokenAlgs() {
		set, now := k.tokens[alg], r.now()
		signs := set.signing(now).ID
		for _, t := range set.keys {
			status := "enabled"
			if now.Before(t.UseAt) && t.ID != signs {
				status = "waiting"
			}
			out = append(out, KeyInfo{Purpose: purposeOfTokens(alg), ID: t.ID, Primary: t.ID == signs, MadeAt: t.MadeAt, Status: status, WrappedBy: set.wrappedBy + 1})
		}
	}
	return out, nil
}

// create makes the first key of a purpose, unless another node just did.
func (r *Ring) create(ctx context.Context, purpose string) error {
	handle, err := keyset.NewHandle(template(purpose))
	if err != nil {
		return err
	}
	primary, err := handle.Primary()
	if err != nil {
		return err
	}
	now := r.now()
	row, err := wrapSet(purpose, handle, map[uint32]time.Time{primary.KeyID(): now}, 0, r.master, now)
	if err != nil {
		return err
	}
	if err := r.store.SaveKey(ctx, row, 0); err != nil && !errors.Is(err, ErrRingChanged) {
		return err
	}
	return r.Refresh(ctx)
}

// change reads a purpose's keyset, lets next make the row that replaces it (or
// say that none is needed) and saves that, starting again when another node
// wrote in between.
func (r *Ring) change(ctx context.Context, purpose string, next func(*keySet) (KeyRow, bool, error)) error {
	for range saveTries {
		if err := r.Refresh(ctx); err != nil {
			return err
		}
		set := r.keys.Load().sets[purpose]
		if set == nil {
			return errors.New("the store holds none")
		}
		row, needed, err := next(set)
		if err != nil || !needed {
			return err
		}
		err = r.store.SaveKey(ctx, row, set.version)
		if errors.Is(err, ErrRingChanged) {
			continue
		}
		if err != nil {
			return err
		}
		return r.Refresh(ctx)
	}
	return ErrRingChanged
}
