package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
)

// stage is what the steps of the walk hand on to each other.
type stage struct {
	*Demo
	ctx  context.Context
	run  int    // walks that this folder saw before
	mark string // what tells the names of this walk from those of earlier ones

	platform, partner, customer, unit, self, wide core.Tenant

	bakery   map[string]*guest // the people of the customer and its branch
	eva      *guest            // of the partner
	jonas    *guest            // who decides for himself
	ida      *guest            // who decides for everybody
	asked    int               // how many the preview said are asked
	till     string            // the program's login
	tillWord string            // and its password
}

// walk runs the steps; the first that does not hold ends it.
func (d *Demo) walk(ctx context.Context, say *teller) error {
	s := &stage{Demo: d, ctx: ctx}
	for _, step := range []struct {
		name string
		rows []string
		do   func() (string, error)
	}{
		{"tenants", []string{"ACR-01", "ACR-04", "ACR-26"}, s.tenants},
		{"people", []string{"ACR-11"}, s.arrive},
		{"partner locked on", []string{"ACR-02"}, s.lockedOn},
		{"integration", []string{"ACR-19"}, s.integration},
		{"what would happen", []string{"ACR-06", "ACR-21"}, s.preview},
		{"switch on", []string{"ACR-06", "ACR-07", "ACR-08"}, s.switchOn},
		{"table", []string{"ACR-05", "ACR-09", "ACR-26"}, s.table},
		{"setup at the next sign-in", []string{"ACR-07", "ACR-08", "ACR-12", "ACR-13"}, s.setup},
		{"the same code elsewhere", []string{"ACR-14", "T-05"}, s.codeAgain},
		{"trusted browser", []string{"ACR-15"}, s.trusted},
		{"helpdesk resets the lost phone", []string{"ACR-17", "ACR-27", "CAL-13"}, s.help},
		{"integration goes on", []string{"ACR-21", "ACR-23"}, s.unbroken},
		{"switch off, looked at", []string{"ACR-24"}, s.keepOn},
		{"invitation", []string{"CAL-14", "AIR-11"}, s.invite},
		{"first password", []string{"AIR-10"}, s.accept},
		{"setup key and QR code", []string{"CAL-01", "CAL-02", "CAL-04"}, s.setupKey},
		{"wrong first code", []string{"CAL-04"}, s.wrongFirst},
		{"right first code", []string{"CAL-03", "CAL-04", "CAL-05"}, s.enrol},
		{"recovery code saved", []string{"CAL-05", "CAL-06"}, s.save},
		{"sign-in asks for the code", []string{"CAL-07"}, s.signIn},
		{"the same code again", []string{"T-05"}, s.replay},
		{"phone lost: recovery code", []string{"CAL-08", "CAL-10"}, s.lost},
		{"old recovery code", []string{"CAL-10"}, s.oldRecovery},
		{"password forgotten as well", []string{"CAL-09"}, s.forgot},
		{"new phone", []string{"CAL-11"}, s.newPhone},
		{"switched off", []string{"CAL-12"}, s.disable},
		{"an app signs in", []string{"WBX-14"}, s.codeFlow},
		{"MFA for a selected app", []string{"WBX-03", "WBX-07"}, s.selected},
		{"each decides", []string{"WBX-02", "WBX-08", "WBX-09"}, s.ownChoice},
		{"mandatory for all", []string{"WBX-01", "WBX-04", "WBX-10"}, s.mandatory},
		{"reset that clears MFA", []string{"WBX-06", "WBX-11"}, s.phoneGone},
		{"everybody", nil, s.others},
		{"forward-auth", []string{"ACR-31"}, s.forwardAuth},
		{"an app asks for more", []string{"ACR-31"}, s.appStepUp},
		{"a device signs in", nil, s.device},
		{"API client", []string{"ACR-22", "ACR-33"}, s.apiClient},
		{"Basic refused for a person", []string{"ACR-23"}, s.basicRefused},
		{"audit log sealed", []string{"ACR-34"}, s.audit},
	} {
		began := time.Now()
		proof, err := step.do()
		say.step(step.name, step.rows, time.Since(began), proof, err)
		if err != nil {
			return fmt.Errorf("demo: step %q: %w", step.name, err)
		}
	}
	return d.caughtUp(ctx)
}

// audit: what happened at the bakery stands in its log, for who may only read there,
// and the log is sealed.
func (s *stage) audit() (string, error) {
	georg, anna := s.bakery["Georg Auer"], s.bakery["Anna Huber"]
	p, err := georg.Get(under(s.customer, "/audit?format=json&q="+url.QueryEscape(anna.login)))
	if err != nil {
		return "", err
	}
	for _, event := range []string{audit.MFAEnrolled, audit.SecondFactorFailed, audit.MFAReset} {
		if !strings.Contains(p.Raw, `"`+event+`"`) {
			return "", fmt.Errorf("the log of %s has no %s: status %d", s.customer.Name, event, p.Status)
		}
	}
	n, err := s.house.Sealer.Seal(s.ctx)
	if err != nil {
		return "", err
	}
	b, err := s.house.Store.LastBatch(s.ctx)
	if err != nil {
		return "", err
	}
	if b.Number == 0 {
		return "", errors.New("nothing was sealed")
	}
	return fmt.Sprintf("Anna's setup, the refused code and the reset are in it; %d events in %d batches, %d of them just now", b.First+b.Count-1, b.Number, n), nil
}

// advance moves the clock by so many seconds, as anybody can.
func (d *Demo) advance(seconds int) error {
	resp, err := http.Post(d.base+"/demo/clock", "application/json", strings.NewReader(fmt.Sprintf(`{"advance":"%ds"}`, seconds)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the clock did not move: status %d", resp.StatusCode)
	}
	return nil
}

// walkTime is how far the clock of a new store is behind when the walk begins. The
// walk moves it forward, because every code works once, and in the end it is the
// present again: an authenticator app on a real phone then shows the right code.
const walkTime = 30 * time.Minute

func (d *Demo) caughtUp(ctx context.Context) error {
	behind := -d.house.Clock.Offset()
	if behind <= 0 {
		return nil
	}
	return d.house.Wind(ctx, behind)
}

var linkWord = regexp.MustCompile(`https?://[^\s]+`)

// link waits for the newest mail to an address with a link of this kind.
func (d *Demo) link(to, kind string) (string, error) {
	text, err := d.arrived(to, kind)
	if err != nil {
		return "", err
	}
	for _, word := range linkWord.FindAllString(text, -1) {
		u, err := url.Parse(word)
		if err == nil && strings.HasPrefix(u.Path, kind) {
			return u.Path, nil
		}
	}
	return "", fmt.Errorf("no link %s in the mail", kind)
}

// arrived waits for the newest mail to an address that has a word in it, as
// somebody looking into the inbox does.
func (d *Demo) arrived(to, word string) (string, error) {
	until := time.Now().Add(8 * time.Second)
	d.worker.Wake()
	for {
		var inbox struct {
			Messages []struct{ Subject, Text string }
		}
		resp, err := http.Get(d.base + "/demo/mail.json?to=" + url.QueryEscape(to))
		if err != nil {
			return "", err
		}
		err = json.NewDecoder(resp.Body).Decode(&inbox)
		_ = resp.Body.Close()
		if err != nil {
			return "", err
		}
		for _, m := range inbox.Messages {
			if strings.Contains(m.Subject+"\n"+m.Text, word) {
				return m.Text, nil
			}
		}
		if time.Now().After(until) {
			return "", fmt.Errorf("no mail to %s with %q arrived in time", to, word)
		}
		time.Sleep(20 * time.Millisecond)
		d.worker.Wake()
	}
}

func firstSentence(text, word string) string {
	for _, s := range strings.SplitAfter(text, ".") {
		if strings.Contains(s, word) {
			return strings.TrimSpace(s)
		}
	}
	return word
}
