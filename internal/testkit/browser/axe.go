package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sallyport/internal/testkit/need"
)

// Violation is a rule of axe-core that a page breaks.
type Violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"` // the markup of each place
}

func (v Violation) String() string {
	return fmt.Sprintf("%s (%s): %s\n    %s", v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n    "))
}

// axeSource reads axe.min.js: from AXE_JS, or where `make deps` puts it.
func axeSource(t testing.TB) string {
	t.Helper()
	path := os.Getenv("AXE_JS")
	if path == "" {
		path = filepath.Join(need.Root(t), ".cache", "npm", "node_modules", "axe-core", "axe.min.js")
	}
	source, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		need.Missing(t, "axe-core")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// Axe checks the page as it stands against WCAG 2.2 A and AA and axe-core's
// best practices.
func (p *Page) Axe() []Violation {
	p.t.Helper()
	// axe.run answers with far more than is needed; it is boiled down before it
	// crosses to us.
	source := axeSource(p.t)
	ask(p, "load axe-core", chromedp.Evaluate[chromedp.Void](source+"\n;0"))
	const run = `axe.run(document, {resultTypes: ["violations", "passes"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
		.then(r => JSON.stringify({passes: r.passes.length, violations: r.violations.map(v => (
			{id: v.id, impact: v.impact || "", help: v.help, nodes: v.nodes.map(n => n.html + " " + (n.failureSummary || ""))}))}))`
	answer := ask(p, "run axe-core", chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	var result struct {
		Passes     int         `json:"passes"`
		Violations []Violation `json:"violations"`
	}
	if err := json.Unmarshal([]byte(answer), &result); err != nil {
		p.t.Fatalf("axe-core: %v", err)
	}
	if result.Passes == 0 {
		// A page on which no rule applies was not looked at.
		p.t.Fatal("axe-core passed no rule at all; it did not see the page")
	}
	return result.Violations
}

// Accessible fails the test when axe-core finds anything.
func (p *Page) Accessible() {
	p.t.Helper()
	for _, v := range p.Axe() {
		p.t.Errorf("%s is not accessible: %v", p.URL(), v)
	}
}
