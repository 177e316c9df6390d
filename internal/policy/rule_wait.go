package policy

import (
	"time"

	"sallyport/internal/core"
)

const day = 24 * time.Hour

// A new person may put the setup off for some days after the mailbox was
// confirmed; nobody counts how often.
var ruleNewUserWindow = rule{"new_user_window", func(f *Facts, s *sofar) verdict {
	days := f.Effective.Settings.NewUserWindow.Days
	if why := mayWait(s); why != "" {
		return no(why)
	}
	end := f.Person.ValidatedAt.Add(time.Duration(days) * day)
	by, _ := f.Effective.from("new_user_window")
	switch {
	case days <= 0:
		v := no(WhyNoWindow)
		v.from = by
		return v
	case f.Person.ValidatedAt.IsZero():
		return no(WhyNotValidated)
	case !f.before(end):
		return no(WhyWindowOver).with("until", end)
	}
	s.waits = append(s.waits, wait{until: end, left: -1})
	return yes(WhyNewUser, by).with("until", end)
}}

// Where the organisation gives grace, the setup may be put off for some days
// after it was first required, and only so often.
var ruleGrace = rule{"grace", func(f *Facts, s *sofar) verdict {
	set := f.Effective.Settings.EnforceAt
	if why := mayWait(s); why != "" {
		return no(why)
	}
	by, _ := f.Effective.from("enforce_at")
	if set.Mode != core.EnforceAtGrace {
		v := no(WhyNoGrace)
		v.from = by
		return v
	}
	// Of several demands the oldest counts: being asked by one more gives no time.
	since := f.Now
	for _, d := range s.demands {
		if d.due == dueInTime && d.since.Before(since) {
			since = d.since
		}
	}
	end, left := since.Add(time.Duration(set.Grace.Days)*day), set.Grace.Skips-f.Person.skipped(since)
	switch {
	case !f.before(end):
		return no(WhyGraceOver).with("until", end)
	case left <= 0:
		return no(WhyNoSkipsLeft).with("skips", set.Grace.Skips)
	}
	s.waits = append(s.waits, wait{end, left, set.Grace.Skips, since})
	return yes(WhyGrace, by).with("until", end).with("left", left)
}}

// mayWait is why a setup cannot wait, or nothing.
func mayWait(s *sofar) string {
	switch {
	case !s.missing():
		return WhyNothingToSetUp
	case !s.waiting():
		return WhyDueForApp
	case !s.asked():
		return WhyOnlyOffered
	}
	return ""
}

// LongAway is after how long without a sign-in an unknown browser must show the
// mailbox before a first factor can be bound.
const LongAway = 30 * day

// Before a first factor can be bound the mailbox may have to be shown: else
// whoever has only the password of a sleeping account could bind a factor of
// their own.
var ruleEnrolProof = rule{"enrol_proof", func(f *Facts, s *sofar) verdict {
	switch {
	case !s.missing() && !(f.standing && !s.enrolled):
		return no(WhyNothingToSetUp)
	case f.Shown.Anew:
		return no(WhyAnew)
	case s.pass:
		return no(WhyPass)
	case s.level.AtLeast(core.LevelMFA):
		return no(WhyFactorShown)
	case f.Shown.MailProved:
		return no(WhyMailShown)
	case !f.Person.HasMail:
		return no(WhyNoMailbox)
	}
	by, _ := f.Effective.from("enrol_proof")
	why := WhyAlwaysMail // and whatever else somebody may have written there
	switch f.Effective.Settings.EnrolProof {
	case core.EnrolProofNone:
		return no(WhyNoProofAsked)
	case core.EnrolProofKnownBrowserOrMail:
		switch {
		case f.Shown.KnownBrowser:
			return no(WhyKnownBrowser)
		case !f.Now.IsZero() && f.Now.Sub(f.Person.AwakeAt) <= LongAway:
			return no(WhyHereLately)
		}
		why = WhyLongAway
	}
	s.mail = true
	return yes(why, by)
}}

// MailFirst reports whether the mailbox must be shown before this person binds a
// first factor, wherever that happens.
func MailFirst(f Facts) bool {
	s := sofar{enrolled: Enrolled(f.Person.Factors)}
	f.standing = true
	return ruleEnrolProof.ask(&f, &s).applied
}
