package secret

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Keys that sign tokens for apps. They stand in the ring like all others, a row for
// each algorithm, but what they make is checked by strangers, who learn of a key from
// a list that they keep for a while. So a new key is published for a time before it
// signs, and an old one for as long as a token of its may live.
const (
	// TokenKeyLead is how long a key is published before it is used: more than
	// anybody keeps the list.
	TokenKeyLead = time.Hour
	// TokenKeyLife is how long a key signs before another takes its place.
	TokenKeyLife = 90 * 24 * time.Hour
	// TokenKeyKept is how long a key is published after it signed last.
	TokenKeyKept = 25 * time.Hour

	rsaBits = 2048
)

const tokenPurpose = "token-"

// tokenAlgs are the algorithms by the names that tokens know them by.
var tokenAlgs = []string{"ES256", "EdDSA", "RS256"}

func purposeOfTokens(alg string) string { return tokenPurpose + strings.ToLower(alg) }

func algOfPurpose(purpose string) (alg string, ok bool) {
	for _, a := range tokenAlgs {
		if purposeOfTokens(a) == purpose {
			return a, true
		}
	}
	return "", false
}

// TokenKey is a key that signs tokens, or did, or will.
type TokenKey struct {
	ID     string // kid
	Alg    string
	Signer crypto.Signer
	MadeAt time.Time
	UseAt  time.Time // it signs from then on, until another does
}

// tokenSet is one reading of a row, oldest first.
type tokenSet struct {
	keys      []TokenKey
	version   int64
	wrappedBy int
}

// tokenDoc is what gets wrapped.
type tokenDoc struct {
	Format int            `json:"format"`
	Keys   []tokenKeyText `json:"keys"`
}

type tokenKeyText struct {
	ID     string `json:"id"`
	Key    []byte `json:"key"` // PKCS #8
	MadeAt int64  `json:"made_at"`
	UseAt  int64  `json:"use_at"`
}

func unwrapTokens(row KeyRow, alg string, master Master) (*tokenSet, error) {
	plain, by, err := master.unwrap(row.Wrapped, wrapBind(row.Purpose))
	if err != nil {
		return nil, err
	}
	var doc tokenDoc
	if err := json.Unmarshal(plain, &doc); err != nil {
		return nil, errors.New("unreadable after unwrapping")
	}
	if doc.Format != documentFormat || len(doc.Keys) == 0 {
		return nil, fmt.Errorf("written in format %d with %d keys, this program knows %d", doc.Format, len(doc.Keys), documentFormat)
	}
	set := &tokenSet{version: row.Version, wrappedBy: by}
	for _, k := range doc.Keys {
		key, err := x509.ParsePKCS8PrivateKey(k.Key)
		if err != nil {
			return nil, errors.New("a key is unreadable after unwrapping")
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errors.New("a key does not sign")
		}
		set.keys = append(set.keys, TokenKey{ID: k.ID, Alg: alg, Signer: signer, MadeAt: time.UnixMicro(k.MadeAt).UTC(), UseAt: time.UnixMicro(k.UseAt).UTC()})
	}
	slices.SortFunc(set.keys, func(a, b TokenKey) int { return cmp.Or(a.UseAt.Compare(b.UseAt), cmp.Compare(a.ID, b.ID)) })
	return set, nil
}

func (s *tokenSet) wrap(alg string, master Master, now time.Time) (KeyRow, error) {
	doc := tokenDoc{Format: documentFormat}
	for _, k := range s.keys {
		der, err := x509.MarshalPKCS8PrivateKey(k.Signer)
		if err != nil {
			return KeyRow{}, err
		}
		doc.Keys = append(doc.Keys, tokenKeyText{ID: k.ID, Key: der, MadeAt: k.MadeAt.UnixMicro(), UseAt: k.UseAt.UnixMicro()})
	}
	plain, err := json.Marshal(doc)
	if err != nil {
		return KeyRow{}, err
	}
	purpose := purposeOfTokens(alg)
	wrapped, err := master.wrap(plain, wrapBind(purpose))
	if err != nil {
		return KeyRow{}, err
	}
	return KeyRow{Purpose: purpose, Version: s.version + 1, Wrapped: wrapped, ChangedAt: now}, nil
}

// signing is the key that signs at now: the newest that may. The first of all was
// made for somebody who waited for it.
func (s *tokenSet) signing(now time.Time) TokenKey {
	best := s.keys[0]
	for _, k := range s.keys[1:] {
		if !now.Before(k.UseAt) {
			best = k
		}
	}
	return best
}

// left are the keys of which a token may live at now, and those to come.
func (s *tokenSet) left(now time.Time) []TokenKey {
	for i := range s.keys {
		if i == len(s.keys)-1 || now.Before(s.keys[i+1].UseAt.Add(TokenKeyKept)) {
			return s.keys[i:]
		}
	}
	return nil
}

func (s *tokenSet) newest() TokenKey { return s.keys[len(s.keys)-1] }

func newTokenKey(alg string, made, use time.Time) (TokenKey, error) {
	k := TokenKey{ID: strconv.FormatUint(binary.BigEndian.Uint64(Random(8)), 36), Alg: alg, MadeAt: made.UTC(), UseAt: use.UTC()}
	var err error
	switch alg {
	case "ES256":
		k.Signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k.Signer, err = ed25519.GenerateKey(rand.Reader)
	case "RS256":
		k.Signer, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		err = fmt.Errorf("no tokens are signed with %q", alg)
	}
	return k, err
}

// TokenKey is the key that signs tokens now. The first of an algorithm is made when
// it is first asked for.
func (r *Ring) TokenKey(ctx context.Context, alg string) (TokenKey, error) {
	set := r.keys.Load().tokens[alg]
	if set == nil {
		if err := r.changeTokens(ctx, alg, func(set *tokenSet) error {
			if len(set.keys) > 0 {
				return errNothingToDo
			}
			now := r.now()
			k, err := newTokenKey(alg, now, now)
			set.keys = []TokenKey{k}
			return err
		}); err != nil {
			return TokenKey{}, fmt.Errorf("make the first %s key: %w", alg, err)
		}
		set = r.keys.Load().tokens[alg]
	}
	return set.signing(r.now()), nil
}

// TokenKeys lists the keys that are published, oldest first.
func (r *Ring) TokenKeys() []TokenKey {
	var out []TokenKey
	now := r.now()
	k := r.keys.Load()
	for _, alg := range tokenAlgs {
		if set := k.tokens[alg]; set != nil {
			out = append(out, set.left(now)...)
		}
	}
	return out
}

// FindTokenKey finds a published key by its id. If it is unknown here, another node
// may have just made it: the ring is read again, at most once a second.
func (r *Ring) FindTokenKey(id string) (TokenKey, bool) {
	find := func() (TokenKey, bool) {
		all := r.TokenKeys()
		if i := slices.IndexFunc(all, func(k TokenKey) bool { return k.ID == id }); i >= 0 {
			return all[i], true
		}
		return TokenKey{}, false
	}
	if k, ok := find(); ok || len(id) > 16 {
		return k, ok
	}
	r.rereading.Lock()
	defer r.rereading.Unlock()
	now := r.now()
	if since := now.Sub(r.rereadAt); since < 0 || since >= rereadEvery {
		r.rereadAt = now
		ctx, cancel := context.WithTimeout(context.Background(), rereadTimeout)
		defer cancel()
		if r.Refresh(ctx) != nil {
			return TokenKey{}, false
		}
	}
	return find()
}

// errNothingToDo ends a change that turned out not to be needed.
var errNothingToDo = errors.New("nothing to do")

// RotateTokens makes the next key of an algorithm that is in use. It is published now
// and signs once everybody had time to learn of it; tokens of the old one go on. Of a
// key that waits already there is none to make.
func (r *Ring) RotateTokens(ctx context.Context, alg string) error {
	return r.changeTokens(ctx, alg, func(set *tokenSet) error {
		now := r.now()
		if len(set.keys) == 0 || now.Before(set.newest().UseAt) {
			return errNothingToDo
		}
		return set.add(alg, now)
	})
}

func (s *tokenSet) add(alg string, now time.Time) error {
	k, err := newTokenKey(alg, now, now.Add(TokenKeyLead))
	s.keys = append(slices.Clone(s.left(now)), k)
	return err
}

// RotateTokensDue does so for every algorithm whose key has signed for long, and
// drops keys of which no token lives. It returns how many keys it made.
func (r *Ring) RotateTokensDue(ctx context.Context) (made int, err error) {
	for _, alg := range r.TokenAlgs() {
		added := 0
		err := r.changeTokens(ctx, alg, func(set *tokenSet) error {
			added = 0
			now := r.now()
			switch {
			case len(set.keys) > 0 && now.Sub(set.newest().UseAt) >= TokenKeyLife:
				added = 1
				return set.add(alg, now)
			case len(set.left(now)) < len(set.keys):
				set.keys = slices.Clone(set.left(now))
				return nil
			}
			return errNothingToDo
		})
		if err != nil {
			return made, fmt.Errorf("rotate the %s keys: %w", alg, err)
		}
		made += added
	}
	return made, nil
}

// TokenAlgs lists the algorithms that have keys.
func (r *Ring) TokenAlgs() []string {
	k := r.keys.Load()
	return slices.DeleteFunc(slices.Clone(tokenAlgs), func(alg string) bool { return k.tokens[alg] == nil })
}

// changeTokens is change for a row of token keys; where there is none, fn gets an
// empty set. fn may run again, each time on what the store has.
func (r *Ring) changeTokens(ctx context.Context, alg string, fn func(*tokenSet) error) error {
	for range saveTries {
		if err := r.Refresh(ctx); err != nil {
			return err
		}
		next := tokenSet{}
		if set := r.keys.Load().tokens[alg]; set != nil {
			next = *set
		}
		err := fn(&next)
		if errors.Is(err, errNothingToDo) {
			return nil
		}
		if err != nil {
			return err
		}
		row, err := next.wrap(alg, r.master, r.now())
		if err != nil {
			return err
		}
		err = r.store.SaveKey(ctx, row, next.version)
		if err != nil && !errors.Is(err, ErrRingChanged) {
			return err
		}
		if err == nil {
			return r.Refresh(ctx)
		}
	}
	return ErrRingChanged
}
