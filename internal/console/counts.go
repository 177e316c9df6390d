package console

import (
	"fmt"

	"sallyport/internal/core"
)

// Counts are the people of an organisation or a branch, by how they stand. The
// first three make the bar (decision 4); the rest stands beside it.
type Counts struct {
	Enabled, SetupRequired, Pending int
	Off, Service, Federated         int
	Inactive                        int // accounts that are disabled, of whatever kind
}

// Total is the bar's whole: everybody who has a factor or is to have one.
func (c Counts) Total() int { return c.Enabled + c.SetupRequired + c.Pending }

// All counts every account that exists.
func (c Counts) All() int {
	return c.Total() + c.Off + c.Service + c.Federated + c.Inactive
}

// Percent is how much of the bar is done.
func (c Counts) Percent() int { return core.Percent(c.Enabled, c.Total()) }

// Of is how many stand at a status.
func (c Counts) Of(status core.MFAStatus) int {
	switch status {
	case core.MFAEnabled:
		return c.Enabled
	case core.MFASetupRequired:
		return c.SetupRequired
	case core.MFAPendingValidation:
		return c.Pending
	case core.MFADisabled:
		return c.Off
	case core.MFAServiceAccount:
		return c.Service
	case core.MFANotApplicable:
		return c.Federated
	case Inactive:
		return c.Inactive
	}
	return 0
}

// Add counts both together.
func (c Counts) Add(o Counts) Counts {
	return Counts{c.Enabled + o.Enabled, c.SetupRequired + o.SetupRequired, c.Pending + o.Pending, c.Off + o.Off, c.Service + o.Service,
		c.Federated + o.Federated, c.Inactive + o.Inactive}
}

// Inactive is what lists show of an account that is disabled, in place of its MFA
// status.
const Inactive core.MFAStatus = "inactive"

// Statuses are the filters of a list of people, in the order in which they are
// shown.
var Statuses = []core.MFAStatus{core.MFAEnabled, core.MFASetupRequired, core.MFAPendingValidation, core.MFADisabled, core.MFAServiceAccount,
	core.MFANotApplicable, Inactive}

// barred are those that the bar is made of.
var barred = Statuses[:3]

// segment is a part of the bar, in per cent of its width.
type segment struct {
	status  core.MFAStatus
	x, wide string
	gap     bool // a hairline stands before it
}

func (c Counts) segments() []segment {
	if c.Total() == 0 {
		return nil
	}
	var out []segment
	at := 0
	for _, s := range barred {
		n := c.Of(s)
		if n == 0 {
			continue
		}
		out = append(out, segment{s, share(at, c.Total()), share(n, c.Total()), len(out) > 0})
		at += n
	}
	return out
}

func share(n, of int) string { return fmt.Sprintf("%.2f%%", 100*float64(n)/float64(of)) }

// pattern is what is drawn over a part besides its colour.
func pattern(s core.MFAStatus) string {
	switch s {
	case core.MFASetupRequired:
		return "url(#p-hatch)"
	case core.MFAPendingValidation:
		return "url(#p-dots)"
	}
	return ""
}
