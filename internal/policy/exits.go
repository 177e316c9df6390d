package policy

import (
	"slices"

	"sallyport/internal/core"
	"sallyport/internal/factor"
)

// Exit is a way on for a person at some point of a sign-in.
type Exit string

const (
	ExitEnter         Exit = "enter"         // nothing stands in the way
	ExitPassword      Exit = "password"      // the password, or a new one by mail
	ExitProve         Exit = "prove"         // a factor that works
	ExitRecovery      Exit = "recovery_code" // a spare that works
	ExitEnrol         Exit = "enrol"         // set one up
	ExitSkip          Exit = "skip"          // put it off
	ExitAdministrator Exit = "administrator" // a reset or a temporary pass, by somebody who may
	ExitNetwork       Exit = "network"       // come from a network that is allowed
	ExitWait          Exit = "wait"          // it ends by itself
	ExitElsewhere     Exit = "elsewhere"     // this account has its own way in, not this one
)

// Exits are the ways on from a decision, nearest first (decision 7.6). A decision
// without one would be a trap: that there is none is a property that is tested,
// and doctor looks for people whose last exit needs somebody who is not there.
func Exits(d Decision, p Person) []Exit {
	switch d.Outcome {
	case Allowed:
		return []Exit{ExitEnter}
	case MaySkip:
		return []Exit{ExitEnrol, ExitSkip}
	case Enrol:
		if len(d.Methods) > 0 {
			return []Exit{ExitEnrol, ExitAdministrator}
		}
	case Prove:
		if slices.Contains(d.Methods, core.FactorPassword) {
			return []Exit{ExitPassword}
		}
		var out []Exit
		if reaches(p.Factors, core.LevelMFA) {
			out = append(out, ExitProve)
		}
		if slices.ContainsFunc(p.Factors, func(f core.Factor) bool { is, _ := factor.Of(f.Kind); return is.Spare && f.Usable() }) {
			out = append(out, ExitRecovery)
		}
		return append(out, ExitAdministrator)
	case Refused:
		reasons := d.Reasons()
		if len(reasons) == 0 {
			return nil
		}
		switch last := reasons[len(reasons)-1]; {
		case slices.ContainsFunc(reasons, func(s Step) bool { return s.Why == WhyDisabling }):
			return []Exit{ExitWait}
		case last.Why == WhyOutsideNetworks:
			return []Exit{ExitNetwork}
		case last.Rule == ruleServiceAccount.name || last.Rule == ruleFederated.name:
			return []Exit{ExitElsewhere}
		}
	}
	return nil
}
