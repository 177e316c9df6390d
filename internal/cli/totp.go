package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/factor/totp"
	"sallyport/internal/store"
)

type totpCmd struct {
	Verify totpVerifyCmd `cmd:"" help:"Say at which time a code would have been right."`
}

type totpVerifyCmd struct {
	User       string `help:"Compare with the app of this account: login or id. Audited; uses nothing up." placeholder:"LOGIN"`
	SecretFile string `help:"File whose first line is the setup key; else it is the first line of stdin." placeholder:"FILE"`
	CodeFile   string `help:"File whose first line is the code; else it is the next line of stdin." placeholder:"FILE"`
	Digits     int    `default:"6" enum:"6,8" help:"6 or 8, of a setup key (${default})."`
	Algorithm  string `default:"SHA1" enum:"SHA1,SHA256,SHA512" help:"SHA1, SHA256 or SHA512, of a setup key (${default})."`
	Time       string `help:"Compare with this time instead of now (RFC 3339)." placeholder:"TIME"`
}

func (*totpVerifyCmd) Help() string {
	return "Looks at the codes of the 20 steps before and after, ten minutes either way. Neither the key nor any code is ever printed. Exit 0 when a sign-in now would take the code, 3 when not."
}

// supportReach is how far around now support looks: 20 steps of 30 seconds.
const supportReach = 20

type totpVerifyIn struct {
	User string    `json:"user"`
	Code string    `json:"code"`
	At   time.Time `json:"at,omitzero"`
}

type totpVerified struct {
	Found    bool `json:"found"`
	Offset   int  `json:"offset"`         // steps the code lies ahead of our clock
	Accepted bool `json:"accepted"`       // a sign-in now would take it
	Used     bool `json:"used,omitempty"` // a code of this step or a later one was used
	// Refused says why no code of this app would be taken now, or is empty.
	Refused string    `json:"refused,omitempty"`
	Until   time.Time `json:"refused_until,omitzero"`
	Skew    int       `json:"skew"`
	Period  int       `json:"period"`
	At      time.Time `json:"at"`
}

func (v *totpVerifyCmd) Run(s *shell) error {
	var at time.Time
	if v.Time != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, v.Time); err != nil {
			return usage("--time: %q is not a time such as 2006-01-02T15:04:05Z", v.Time)
		}
	}
	if v.User != "" && v.SecretFile != "" {
		return usage("--user and --secret-file can't be used together")
	}
	var o totpVerified
	if v.User != "" {
		code, err := v.code(s)
		if err != nil {
			return err
		}
		if o, err = one[totpVerified](s, "totp.verify", how{}, totpVerifyIn{v.User, code, at}); err != nil {
			return err
		}
	} else {
		text, err := s.secret(v.SecretFile, "the setup key", false)
		if err != nil {
			return err
		}
		key, ok := totp.ParseSetupKey(text)
		if !ok {
			return usage("the setup key cannot be read: it is base32 of at least 128 bits, spaces allowed")
		}
		code, err := v.code(s)
		if err != nil {
			return err
		}
		if at.IsZero() {
			at = time.Now()
		}
		p := totp.DefaultParams()
		p.Digits, p.Algorithm = v.Digits, v.Algorithm
		if why := misshapen(code, p.Digits); why != "" {
			return usage("%s", why)
		}
		o = lookAround(key, code, at, 0, p)
	}
	if err := s.result(o, func(w io.Writer) { fmt.Fprintln(w, inWordsOf(o)) }); err != nil {
		return err
	}
	if !o.Accepted {
		return errFindings
	}
	return nil
}

func (v *totpVerifyCmd) code(s *shell) (string, error) {
	code, err := s.secret(v.CodeFile, "the code", false)
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code), err
}

// misshapen says why something can't be a code at all, or nothing. Digits of other
// scripts look like ours and no app shows them.
func misshapen(code string, digits int) string {
	if n := utf8.RuneCountInString(code); n != digits {
		return fmt.Sprintf("the code has %s, and codes of this app have %d digits", count(n, "character", "characters"), digits)
	}
	if strings.ContainsFunc(code, func(r rune) bool { return r < '0' || r > '9' }) {
		return "a code is made of the digits 0 to 9 only"
	}
	return ""
}

// lookAround finds the step that a code belongs to.
func lookAround(key []byte, code string, at time.Time, lastStep int64, p totp.Params) totpVerified {
	o := totpVerified{Skew: p.Skew, Period: p.Period, At: at.UTC()}
	away, ok := totp.Clock(key, code, at, supportReach*time.Duration(p.Period)*time.Second, p)
	if !ok {
		return o
	}
	o.Found = true
	o.Offset = int(away / (time.Duration(p.Period) * time.Second))
	o.Used = totp.StepAt(at, p.Period)+int64(o.Offset) <= lastStep
	o.Accepted = max(o.Offset, -o.Offset) <= p.Skew && !o.Used
	return o
}

func inWordsOf(o totpVerified) string {
	if !o.Found {
		return fmt.Sprintf("no match within %d steps of %s: another key, or a mistyped code", supportReach, when(o.At))
	}
	text := fmt.Sprintf("offset %+d: right at this moment", o.Offset)
	if o.Offset != 0 {
		side := "ahead of"
		if o.Offset < 0 {
			side = "behind"
		}
		text = fmt.Sprintf("offset %+d: the app's clock is about %s %s ours", o.Offset, (time.Duration(max(o.Offset, -o.Offset)*o.Period) * time.Second).String(), side)
	}
	switch {
	case o.Refused == refusedLocked:
		return text + "; the app is locked until " + when(o.Until) + ", so a sign-in refuses every code of it: sallyport user unlock ends the lock"
	case o.Refused != "":
		return text + "; a sign-in refuses every code of this app: " + refusedWords[o.Refused]
	case o.Used:
		return text + "; a code of this step or a later one was used already, so a sign-in refuses it"
	case o.Accepted:
		return text + "; a sign-in takes it"
	}
	return text + fmt.Sprintf("; a sign-in allows %d, so it refuses it: set that clock to automatic time", o.Skew)
}

// What makes a sign-in refuse every code of an app, whatever its clock says.
const (
	refusedLocked      = "locked"
	refusedDead        = "dead"
	refusedUnconfirmed = "unconfirmed"
	refusedAccount     = "account"
)

var refusedWords = map[string]string{
	refusedDead:        "it is dead after too many wrong codes, and only a reset helps (sallyport user reset-mfa)",
	refusedUnconfirmed: "setting it up was never finished",
	refusedAccount:     "the account cannot sign in (sallyport user show)",
}

// refusal is why a sign-in takes no code of the app at an instant.
func refusal(u core.User, f core.Factor, now time.Time) (why string, until time.Time) {
	switch {
	case u.State != core.UserActive && u.State != core.UserValidated || u.Federated:
		return refusedAccount, until
	case f.State != core.FactorConfirmed:
		return refusedUnconfirmed, until
	case f.Budget.Dead():
		return refusedDead, until
	case f.Budget.Locked(now):
		return refusedLocked, f.Budget.LockedUntil
	}
	return "", until
}

func farTOTPVerify(ctx context.Context, h *app.House, in totpVerifyIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	var o totpVerified
	err = h.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		factors, err := tx.Factors(u.ID)
		if err != nil {
			return err
		}
		at := in.At
		if at.IsZero() {
			at = tx.Now()
		}
		var app core.Factor
		for _, f := range factors {
			if f.Kind == core.FactorTOTP && (f.State == core.FactorConfirmed || app.ID == "") {
				app = f
			}
		}
		if app.ID == "" {
			return errors.New("this account has no authenticator app")
		}
		key, err := enrol.Room{Ring: h.Ring}.Open(app)
		if err != nil {
			return err
		}
		p := enrol.ParamsOf(app.Doc)
		if why := misshapen(in.Code, p.Digits); why != "" {
			return errors.New(why)
		}
		o = lookAround(key, in.Code, at, app.LastStep, p)
		o.Refused, o.Until = refusal(u, app, tx.Now())
		// A code that was typed too early and told back as drift is spent as well.
		o.Used = o.Used || o.Found && slices.Contains(app.Doc.Burned, totp.StepAt(at, p.Period)+int64(o.Offset))
		o.Accepted = o.Accepted && !o.Used && o.Refused == ""
		e := audit.On(audit.MFALookedAt, access.Shell().ID(), string(u.ID), core.Client{})
		e = audit.Note(e, "factor", string(app.ID))
		if o.Found {
			e = audit.Count(e, "offset", o.Offset)
		} else {
			e = audit.Note(e, "offset", "none")
		}
		return tx.Append(e)
	})
	if err != nil {
		return err
	}
	return out.Result(o)
}
