package secret

import (
	"slices"
	"testing"
	"time"
)

// C-05: a new key is published before it signs, and an old one until no token of it
// can live; so no token is ever signed by a key that is not published.
func TestTokenKeysAreChangedWithoutBreakingATokenC05(t *testing.T) {
	for _, alg := range tokenAlgs {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			shelf, clock := newShelf(), newHands()
			r, other := openRing(t, shelf, master(t, 1), clock), openRing(t, shelf, master(t, 1), clock)
			ctx := t.Context()
			published := func(r *Ring) (ids []string) {
				for _, k := range r.TokenKeys() {
					ids = append(ids, k.ID)
				}
				return ids
			}
			if len(published(r)) != 0 || r.RotateTokens(ctx, alg) != nil || len(published(r)) != 0 {
				t.Fatal("a key was made that nobody asked for")
			}
			signs := func(r *Ring) string {
				t.Helper()
				k, err := r.TokenKey(ctx, alg)
				if err != nil || k.Alg != alg {
					t.Fatal(k, err)
				}
				return k.ID
			}
			first := signs(r)
			if again := signs(other); again != first {
				t.Errorf("another node signs with %s, not %s", again, first)
			}
			if err := r.RotateTokens(ctx, alg); err != nil {
				t.Fatal(err)
			}
			if signs(r) != first || len(published(r)) != 2 {
				t.Errorf("after a rotation %s signs, published are %v", signs(r), published(r))
			}
			second := published(r)[1]
			// A second click makes no third key.
			if err := r.RotateTokens(ctx, alg); err != nil || len(published(r)) != 2 {
				t.Errorf("a rotation while one waits: %v, %v", published(r), err)
			}
			// A node that has not heard finds the key when a token names it.
			clock.advance(2 * time.Second)
			if k, ok := other.FindTokenKey(second); !ok || k.ID != second {
				t.Error("another node does not find the new key")
			}
			if _, ok := other.FindTokenKey("never"); ok {
				t.Error("a key that never was is found")
			}
			clock.advance(TokenKeyLead)
			if signs(r) != second || !slices.Contains(published(r), first) {
				t.Errorf("after the lead %s signs, published are %v", signs(r), published(r))
			}
			clock.advance(TokenKeyKept)
			if published(r)[0] != second {
				t.Errorf("a key of which no token lives is published: %v", published(r))
			}

			if n, err := r.RotateTokensDue(ctx); err != nil || n != 0 {
				t.Errorf("made %d, %v", n, err)
			}
			if n := len(r.keys.Load().tokens[alg].keys); n != 1 {
				t.Errorf("%d keys are kept", n)
			}
			clock.advance(TokenKeyLife)
			if n, err := r.RotateTokensDue(ctx); err != nil || n != 1 {
				t.Errorf("made %d, %v", n, err)
			}
			if n, err := r.RotateTokensDue(ctx); err != nil || n != 0 {
				t.Errorf("made %d at once again, %v", n, err)
			}
			if signs(r) != second {
				t.Error("a key signs before anybody could learn of it")
			}

			// The master key changes as for all others.
			changed := openRing(t, shelf, master(t, 2, 1), clock)
			if n, err := changed.Rewrap(ctx); err != nil || n != len(purposes())+1 {
				t.Errorf("rewrapped %d, %v", n, err)
			}
			if alone := openRing(t, shelf, master(t, 2), clock); signs(alone) != second {
				t.Error("other keys after the change of the master key")
			}
			list, err := changed.List(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, k := range list {
				if k.Purpose == purposeOfTokens(alg) {
					said = append(said, k.Status)
					if k.Primary != (k.ID == second) || k.WrappedBy != 1 {
						t.Errorf("%+v", k)
					}
				}
			}
			if !slices.Equal(said, []string{"enabled", "waiting"}) {
				t.Errorf("listed as %v", said)
			}
		})
	}
}
