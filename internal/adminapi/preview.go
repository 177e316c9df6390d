package adminapi

import (
	"encoding/json"

	"sallyport/internal/directory"
	"sallyport/internal/policy"
	api "sallyport/pkg/sallyport"
)

// planned is what a dry run answers in the place of what would have been answered.
func (c *call) planned(any) (api.Preview, bool) {
	p := c.plan
	p.DryRun = true
	if p.Effects == nil {
		p.Effects = []api.Effect{}
	}
	if p.Settings == nil {
		p.Settings = []api.Difference{}
	}
	return p, c.dry
}

// take takes over a preview of the directory.
func (c *call) take(p directory.Preview) {
	for _, e := range p.Effects {
		one := api.Effect{What: e.What, Count: e.Count, DueAt: some(e.DueAt)}
		for _, n := range e.First {
			one.First = append(one.First, api.Who{ID: string(n.ID), Login: n.Login, Name: n.Name})
		}
		c.plan.Effects = append(c.plan.Effects, one)
	}
	if len(p.Settings) > 0 {
		c.plan.Settings = differences(p.Settings)
	}
}

// count adds an effect that nobody is named in.
func (c *call) count(what string, n int) {
	if n > 0 {
		c.plan.Effects = append(c.plan.Effects, api.Effect{What: what, Count: n})
	}
}

func differences(list []policy.Difference) []api.Difference {
	out := []api.Difference{}
	for _, d := range list {
		out = append(out, api.Difference{Key: d.Key, From: orNull(d.From), To: orNull(d.To), Way: string(d.Way)})
	}
	return out
}

func orNull(v json.RawMessage) json.RawMessage {
	if len(v) == 0 {
		return json.RawMessage("null")
	}
	return v
}
