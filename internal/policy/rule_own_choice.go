package policy

// Each person's own choice (rows CAL-01, WBX-02): whoever has set a factor up is
// asked for it as long as it exists, offered or not. It demands nothing of who
// has not.
var ruleOwnChoice = rule{"own_choice", func(f *Facts, s *sofar) verdict {
	switch {
	case s.disables:
		return no(WhyDisabling)
	case !s.enrolled:
		return no(WhyNotEnrolled)
	case !alive(f.Person.Factors):
		return yes(WhyFactorDead, &f.Effective.Organisation)
	}
	return yes(WhyFactorConfirmed, &f.Effective.Organisation)
}}
