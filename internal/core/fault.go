package core

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Kind says what sort of refusal a Fault is. Faces map kinds to their own
// answers (HTTP statuses, exit codes); nothing below a face knows those.
type Kind int

const (
	KindInternal        Kind = iota // never made on purpose; what is not a Fault is internal
	KindInvalid                     // the input is wrong and can be mended
	KindUnauthenticated             // nobody is signed in, or not any more
	KindForbidden                   // somebody is, and may not
	KindNotFound                    // unknown, or of another tenant: the same answer
	KindConflict                    // the state of things does not allow it
	KindStale                       // what was seen has changed meanwhile
	KindLimited                     // too many or too fast; RetryAfter says when
	KindTooLarge                    // more bytes than anybody needs
	KindUnavailable                 // a part of us is not there; nothing was done
)

func (k Kind) String() string {
	names := [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict", "stale", "limited", "too_large", "unavailable"}
	if k < 0 || int(k) >= len(names) {
		return "internal"
	}
	return names[k]
}

// Fault is a refusal that people and programs are told about. Code is stable
// and dotted ("factor.code_mismatch"); it is the catalog key of the sentence and
// the type of an API problem. Params fill the sentence and never hold a secret
// or what somebody typed.
type Fault struct {
	Kind       Kind
	Code       string
	Params     map[string]any
	RetryAfter time.Duration // for KindLimited, how long to wait
}

func (f *Fault) Error() string {
	if f.RetryAfter > 0 {
		return fmt.Sprintf("%s (%s, retry after %s)", f.Code, f.Kind, f.RetryAfter)
	}
	return fmt.Sprintf("%s (%s)", f.Code, f.Kind)
}

// Is makes errors.Is compare by code, so a sentinel matches whatever
// parameters the fault carries.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Code == f.Code
}

// With returns a copy of f that carries one more parameter.
func (f *Fault) With(name string, value any) *Fault {
	c := *f
	c.Params = maps.Clone(f.Params)
	if c.Params == nil {
		c.Params = map[string]any{}
	}
	c.Params[name] = value
	return &c
}

// After returns a copy of f that says how long to wait.
func (f *Fault) After(d time.Duration) *Fault {
	c := *f
	c.RetryAfter = d
	return &c
}

func NewFault(k Kind, code string) *Fault { return &Fault{Kind: k, Code: code} }

// AsFault finds the fault in an error chain.
func AsFault(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}

// Faults that more than one room makes. Compare with errors.Is.
var (
	ErrRefused          = NewFault(KindInvalid, "sign_in.refused")
	ErrCodeMismatch     = NewFault(KindInvalid, "factor.code_mismatch")
	ErrCodeUsed         = NewFault(KindInvalid, "factor.code_used")
	ErrCodeRequired     = NewFault(KindInvalid, "factor.code_required")
	ErrFactorLocked     = NewFault(KindLimited, "factor.locked")
	ErrFactorDead       = NewFault(KindInvalid, "factor.dead")
	ErrRateLimited      = NewFault(KindLimited, "rate.limited")
	ErrMFARequired      = NewFault(KindUnauthenticated, "mfa.required")
	ErrSetupRequired    = NewFault(KindForbidden, "mfa.setup_required")
	ErrStepUp           = NewFault(KindForbidden, "step_up.required")
	ErrPolicyLocked     = NewFault(KindForbidden, "policy.locked")
	ErrNobodyCouldEnrol = NewFault(KindInvalid, "policy.nobody_could_enrol")
	ErrUseMFASwitch     = NewFault(KindInvalid, "policy.use_mfa_switch")
	ErrAttemptExpired   = NewFault(KindConflict, "attempt.expired")
	ErrAttemptUnknown   = NewFault(KindNotFound, "attempt.unknown")
	ErrToken            = NewFault(KindUnauthenticated, "token.invalid")
	ErrReadOnly         = NewFault(KindForbidden, "client.read_only")
	ErrNoSession        = NewFault(KindUnauthenticated, "session.expired")
	ErrNotFound         = NewFault(KindNotFound, "not_found")
	ErrForbidden        = NewFault(KindForbidden, "forbidden")
	ErrUnavailable      = NewFault(KindUnavailable, "unavailable")
	ErrOutsideNetwork   = NewFault(KindForbidden, "sign_in.outside_network")
	ErrTenantSuspended  = NewFault(KindForbidden, "tenant.suspended")
	ErrConfirmRequired  = NewFault(KindInvalid, "confirm.required")
	ErrSavedRequired    = NewFault(KindInvalid, "saved.required")
)

// Invalid makes a KindInvalid fault from a code and name/value pairs.
func Invalid(code string, pairs ...any) *Fault {
	f := NewFault(KindInvalid, code)
	for i := 0; i+1 < len(pairs); i += 2 {
		f = f.With(pairs[i].(string), pairs[i+1])
	}
	return f
}
