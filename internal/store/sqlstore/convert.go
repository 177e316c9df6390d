package sqlstore

import (
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/internal/core"
	"sallyport/internal/store/sqlstore/db"
)

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// bytesIn keeps NULL out of the tables: drivers make one of a nil slice.
func bytesIn(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func bytesOut(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// text is free text as both engines keep it: a browser may call itself
// anything, and PostgreSQL refuses NUL and broken UTF-8 where SQLite does not.
func text(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func each[A, B any](rows []A, turn func(A) B) []B {
	out := make([]B, 0, len(rows))
	for _, r := range rows {
		out = append(out, turn(r))
	}
	return out
}

func tenantOf(r db.Tenant) core.Tenant {
	return core.Tenant{
		ID: core.TenantID(r.ID), Parent: core.TenantID(r.ParentID), Organisation: core.TenantID(r.OrganisationID),
		Path: r.Path, Kind: core.TenantKind(r.Kind), Mode: core.TenantMode(r.Mode), State: core.TenantState(r.State),
		Before: core.TenantState(r.BeforeState), Name: r.Name, ManagedBy: core.ManagedBy(r.ManagedBy), SupportAccess: r.SupportAccess,
		Settings: settingsOf(r.Settings), Locks: settingsOf(r.Locks), Template: settingsOf(r.Template), MFAState: core.MFAState(r.MfaState),
		TrialEnds: instant(r.TrialEndsAt), ErasedAt: instant(r.ErasedAt), Version: r.Version,
		CreatedAt: instant(r.CreatedAt), ChangedAt: instant(r.ChangedAt), DeletedAt: instant(r.DeletedAt),
	}
}

func settingsOf(s string) core.SettingsDoc {
	if s == "" {
		return nil
	}
	return core.SettingsDoc(s)
}

func userOf(r db.User) core.User {
	return core.User{
		ID: core.UserID(r.ID), Tenant: core.TenantID(r.TenantID), Kind: core.UserKind(r.Kind),
		State: core.UserState(r.State), Before: core.UserState(r.BeforeState), Login: r.Login, LoginKey: r.LoginKey,
		Name: r.Name, Email: r.Email, EmailKey: r.EmailKey, Federated: r.Federated, Locale: r.Locale,
		LastSignInAt: instant(r.LastSignInAt), AwakeAt: instant(r.AwakeAt), Version: r.Version, CreatedAt: instant(r.CreatedAt),
		ChangedAt: instant(r.ChangedAt), ValidatedAt: instant(r.ValidatedAt),
		PlacedAt: instant(r.PlacedAt), Skips: int(r.Skips), SkipsSince: instant(r.SkipsSince),
	}
}

func browserOf(r db.Browser) core.Browser {
	return core.Browser{
		ID: core.BrowserID(r.ID), User: core.UserID(r.UserID), Tenant: core.TenantID(r.TenantID),
		Hash: bytesOut(r.Hash), Agent: r.Agent, Place: r.Place, SeenAt: instant(r.SeenAt), CreateAt: instant(r.CreatedAt), MetAsleep: r.MetAsleep,
		TrustedAt: instant(r.TrustedAt), TrustedUntil: instant(r.TrustedUntil),
	}
}

func grantOf(r db.Role) core.RoleGrant {
	return core.RoleGrant{User: core.UserID(r.UserID), Tenant: core.TenantID(r.HeldOn), Role: core.Role(r.Role), At: instant(r.GrantedAt)}
}

// customGrantOf also says what a custom role is made of.
func customGrantOf(r db.Role, base, rights string) core.RoleGrant {
	g := grantOf(r)
	g.Base, g.Rights = core.Role(base), words(rights)
	return g
}

// words keeps lists of plain words in one text.
func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Fields(s)
}

func customRoleOf(r db.CustomRole) core.CustomRole {
	return core.CustomRole{
		ID: core.Role(r.ID), Tenant: core.TenantID(r.TenantID), Base: core.Role(r.Base), Name: r.Name, Rights: words(r.Rights),
		Version: r.Version, CreatedAt: instant(r.CreatedAt), ChangedAt: instant(r.ChangedAt),
	}
}

func serviceOf(r db.ServiceAccount) core.Service {
	return core.Service{
		User: core.UserID(r.UserID), Owner: core.UserID(r.OwnerID), Reason: r.Reason, Networks: words(r.Networks),
		ExpiresAt: instant(r.ExpiresAt), LastUsedAt: instant(r.LastUsedAt), CreatedAt: instant(r.CreatedAt),
		UsedFrom: r.UsedFrom, Heir: core.ClientID(r.HeirID), HeirAt: instant(r.HeirAt), Quiet: time.Duration(r.Quiet) * time.Microsecond, WarnedAt: instant(r.WarnedAt),
	}
}

// BudgetOf is the budget in a row; the dialects read it too.
func BudgetOf(r db.Budget) core.Budget {
	return budgetOf(r.WindowAt, r.Failures, r.LockedUntil, r.Locks, r.Consecutive)
}

func budgetOf(window, failures, lockedUntil, locks, consecutive int64) core.Budget {
	return core.Budget{
		Window: instant(window), Failures: int(failures), LockedUntil: instant(lockedUntil),
		Locks: int(locks), Consecutive: int(consecutive),
	}
}

func tokenOf(r db.Token) core.Token {
	return core.Token{
		Hash: bytesOut(r.Hash), Kind: core.TokenKind(r.Kind), Tenant: core.TenantID(r.TenantID), User: core.UserID(r.UserID),
		Email: r.Email, Bound: r.Bound, CreatedAt: instant(r.CreatedAt), ExpiresAt: instant(r.ExpiresAt),
		UsedAt: instant(r.UsedAt), SupersededAt: instant(r.SupersededAt),
	}
}

func batchOf(r db.AuditBatch) core.Batch {
	return core.Batch{
		Number: r.Number, First: r.FirstPosition, Count: r.EventCount, Root: bytesOut(r.Root),
		Previous: bytesOut(r.Previous), At: instant(r.At), Signature: bytesOut(r.Signature),
	}
}

func mailOf(r db.Outbox) core.Mail {
	return core.Mail{
		ID: core.MailID(r.ID), Tenant: core.TenantID(r.TenantID), User: core.UserID(r.UserID), Kind: core.MailKind(r.Kind),
		To: r.Address, Locale: r.Locale, Body: bytesOut(r.Body), State: r.State, Attempts: int(r.Attempts),
		NextAt: instant(r.NextAt), LeaseUntil: instant(r.LeaseUntil), ExpiresAt: instant(r.ExpiresAt),
		LastError: r.LastError, CreatedAt: instant(r.CreatedAt), SentAt: instant(r.SentAt),
	}
}

func changeOf(r db.Change) core.Change {
	return core.Change{Seq: r.Seq, Kind: core.ChangeKind(r.Kind), Key: r.Subject, At: instant(r.ChangedAt)}
}
