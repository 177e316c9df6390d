package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"sallyport/internal/testkit/need"
)

const patience = 20 * time.Second

// Browser is one running Chromium.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Open starts Chromium; it ends with the test.
func Open(t testing.TB) *Browser {
	t.Helper()
	path := need.Tool(t, "chromium", "chromium-browser", "google-chrome")
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		// Fonts drawn alike on every machine make pictures comparable.
		chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("disable-gpu", true),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to sandbox itself as root
	}
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(options...))
	// The first run starts the browser and must carry no timeout: it would end the browser.
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = chromedp.Cancel(ctx) // waits until the process is gone
		}()
		select {
		case <-ended:
		case <-time.After(patience):
		}
		cancel()
	})
	return &Browser{t, ctx}
}

// Page is one tab with cookies of its own: one person at one machine.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	requests   []string
	status     int64
}

// Page opens an empty tab in a fresh profile, 1280×900, light.
func (b *Browser) Page() *Page {
	b.t.Helper()
	p := &Page{t: b.t}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.hear))
	p.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		b.t.Fatalf("open a tab: %v", err)
	}
	b.t.Cleanup(cancel)
	p.Size(1280, 900)
	return p
}

// hear keeps what the browser complains about and whom it asked.
func (p *Page) hear(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, "script: "+ev.ExceptionDetails.Text)
	case *cdplog.EventEntryAdded:
		// Refused forms answer 422 and 429, which Chromium logs as network
		// errors; they are meant. A breach of the content policy is not.
		if ev.Entry.Level == "error" && ev.Entry.Source != "network" {
			p.complaints = append(p.complaints, string(ev.Entry.Source)+": "+ev.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if ev.Request != nil {
			p.requests = append(p.requests, ev.Request.URL)
		}
	}
}

// Complaints are script errors and breaches of the content security policy
// since the page was opened.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}

// Requests are the addresses that were asked for since the page was opened.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// do runs steps within the time that a step may take.
func (p *Page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fail(what, err)
	}
}

func (p *Page) fail(what string, err error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Second)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if len(text) > 2000 {
		text = text[:2000] + "…"
	}
	p.t.Fatalf("%s: %v\nat %s, which shows:\n%s", what, err, at, text)
}

func ask[T any](p *Page, what string, a chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		p.fail(what, err)
	}
	return v
}

func (p *Page) command(what string, call func(context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := call(ctx); err != nil {
		p.fail(what, err)
	}
}

// Goto opens an address and waits until it is loaded.
func (p *Page) Goto(url string) {
	p.t.Helper()
	p.load("open "+url, chromedp.Navigate(url))
}

// Press presses a button or link and waits for the page behind it.
func (p *Page) Press(selector string) {
	p.t.Helper()
	p.load("press "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (p *Page) load(what string, step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		p.fail(what, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status = 0; response != nil {
		p.status = response.Status
	}
}

// Status is the HTTP status of the page that was loaded last.
func (p *Page) Status() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.status)
}

// Click presses something that leads to no other page.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Fill empties a field and types into it.
func (p *Page) Fill(selector, text string) {
	p.t.Helper()
	s := chromedp.CSS(selector)
	// What stands there is selected and typed over, so that the page sees keys
	// and nothing else.
	p.do("fill "+selector, chromedp.WaitVisible(s), chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).select()", selector)),
		chromedp.SendKeys(s, "\b"+text))
}

// Keys types wherever the focus is; "\t" and "\r" are the keys Tab and Enter.
func (p *Page) Keys(keys string) {
	p.t.Helper()
	p.do("type", chromedp.KeyEvent(keys))
}

// Text is what a person reads in an element; it must be visible.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return strings.TrimSpace(ask(p, "read "+selector, chromedp.Text(chromedp.CSS(selector))))
}

// Content is the whole text of an element, shown or not.
func (p *Page) Content(selector string) string {
	p.t.Helper()
	return strings.TrimSpace(ask(p, "read "+selector, chromedp.TextContent(chromedp.CSS(selector))))
}

// Attr is an attribute of an element, "" when it has none of that name.
func (p *Page) Attr(selector, name string) string {
	p.t.Helper()
	return ask(p, "look at "+selector, chromedp.AttributeValue(chromedp.CSS(selector), name)).Value
}

// Has reports whether an element is on the page now; it does not wait.
func (p *Page) Has(selector string) bool {
	p.t.Helper()
	return Eval[bool](p, fmt.Sprintf("document.querySelector(%q) !== null", selector))
}

// Await waits until an element is visible.
func (p *Page) Await(selector string) {
	p.t.Helper()
	p.do("wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// Name is the page's name for programs, data-page of its main element.
func (p *Page) Name() string {
	p.t.Helper()
	return p.Attr("main", "data-page")
}

// Expect fails the test unless the page has this name.
func (p *Page) Expect(name string) {
	p.t.Helper()
	if got := p.Name(); got != name {
		p.fail("look at the page", fmt.Errorf("it is %q, want %q", got, name))
	}
}

// URL is where the tab is.
func (p *Page) URL() string {
	p.t.Helper()
	return ask(p, "ask for the address", chromedp.Location())
}

// Eval runs a script in the page and returns its value, whatever the page's
// content policy says of scripts.
func Eval[T any](p *Page, script string) T {
	p.t.Helper()
	return ask(p, "run a script", chromedp.Evaluate[T](script))
}

// Size sets the window; below 600 wide it is a phone.
func (p *Page) Size(width, height int) {
	p.t.Helper()
	p.do("resize", chromedp.EmulateViewport(int64(width), int64(height)))
}

// Dark asks pages for their dark look, or for the light one.
func (p *Page) Dark(on bool) {
	p.t.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	p.command("choose the look", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			// Motion is off, or a picture would catch a colour half-way to the other look.
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	})
}

// Paper shows pages as they are printed, or as on a screen again.
func (p *Page) Paper(on bool) {
	p.t.Helper()
	media := ""
	if on {
		media = "print"
	}
	p.command("choose paper", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media})
		return err
	})
}

// Seen reports whether any element of a kind takes up room on the page.
func (p *Page) Seen(selector string) bool {
	p.t.Helper()
	return Eval[bool](p, fmt.Sprintf("Array.from(document.querySelectorAll(%q)).some(e => e.getClientRects().length > 0)", selector))
}

// Language sets what the browser asks for, best first: "de", "fr-CA,fr".
func (p *Page) Language(accept string) {
	p.t.Helper()
	agent := Eval[string](p, "navigator.userAgent")
	p.command("choose the language", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: accept})
		return err
	})
}

// NoScripts switches scripts off from the next page on.
func (p *Page) NoScripts() {
	p.t.Helper()
	p.command("switch scripts off", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}

// Cookies lists the cookies that the browser holds for an address.
func (p *Page) Cookies(url string) []*network.Cookie {
	p.t.Helper()
	var out []*network.Cookie
	p.command("look at the cookies", func(ctx context.Context) error {
		res, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
		out = res.Cookies
		return err
	})
	return out
}

// Picture writes a PNG of the whole page to a file.
func (p *Page) Picture(file string) {
	p.t.Helper()
	p.save(file, ask(p, "take a picture", chromedp.FullScreenshot(100)))
}

// PictureOf writes a PNG of one element to a file, enlarged by scale.
func (p *Page) PictureOf(selector, file string, scale float64) {
	p.t.Helper()
	p.save(file, ask(p, "take a picture of "+selector, chromedp.ScreenshotScale(chromedp.CSS(selector), scale)))
}

func (p *Page) save(file string, png []byte) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Command sends a command of the DevTools protocol that this package has no
// verb for.
func Command[P, R any](p *Page, cmd cdp.Command[P, R], params P) R {
	p.t.Helper()
	var out R
	p.command("send a command", func(ctx context.Context) (err error) {
		out, err = chromedp.Call(ctx, cmd, params)
		return err
	})
	return out
}
