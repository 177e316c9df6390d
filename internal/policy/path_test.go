package policy

import (
	"testing"

	"sallyport/internal/core"
)

func TestRuleAt(t *testing.T) {
	app := &core.AppProxy{Rules: []core.PathRule{
		{Path: "/admin", Level: core.LevelMFA}, {Path: "/admin/keys", Level: core.LevelPhishingResistant}, {Path: "/admin/help", Public: true}, {Path: "/status", Public: true},
	}}
	most := core.PathRule{Level: core.LevelPhishingResistant}
	for target, want := range map[string]core.PathRule{
		"/": {}, "/page?x=/status": {}, "/statusx": {}, "/Status": {}, "/status": app.Rules[3], "/status/": app.Rules[3], "/status/a?b=../c": app.Rules[3], "/%73tatus": app.Rules[3],
		"/admin": app.Rules[0], "/ADMIN/x": app.Rules[0], "/%61dmin": app.Rules[0], "/admin/keys/1": app.Rules[1], "/admin/help": app.Rules[2], "/admin/HELP": app.Rules[0],
		"/status/../admin": most, "//status": most, "/status%2fx": most, "/status/%2e": most, "/status;x": most, "/%2573tatus": most, "/status/%5c": most,
	} {
		p, ok := PathOf(target)
		if got := RuleAt(app, p); !ok || got != want {
			t.Errorf("%s: %+v, %v", target, got, ok)
		}
	}
	for _, target := range []string{"", "status", "https://a/status", `/a\b`, "/a b", "/a#b", "/a\x00", "/a%00", "/a%0d", "/%", "/%zz", "/\x7f"} {
		if p, ok := PathOf(target); ok {
			t.Errorf("%q is %+v", target, p)
		}
	}
}
