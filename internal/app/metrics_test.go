package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/house"
)

// scrape reads /metrics as a monitor does: lines by their name and labels.
func scrape(t *testing.T, h *house.House) (map[string]string, string) {
	t.Helper()
	r := h.Raw("")
	r.Base = h.Serving.Ops
	a := r.Get("/metrics")
	if a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	out := map[string]string{}
	for _, line := range strings.Split(a.Body, "\n") {
		if at := strings.LastIndex(line, " "); at > 0 && !strings.HasPrefix(line, "#") {
			out[line[:at]] = line[at+1:]
		}
	}
	return out, a.Body
}

// What happens is counted once, by what became of it, and says nothing of who it
// was.
func TestMetricsCountWhatHappens(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "self-service", "")
		p := h.Enrolled(org, "anna@example.com") // accepts, enrols
		h.Mails(p.Login)
		before, _ := scrape(t, h)

		r := h.Raw(at(1))
		r.Post("/sign-in", "login", "nobody@example.com", "password", "never the right words")
		r.Post("/sign-in", "login", p.Login, "password", "never the right words")
		r.Post(p.Attempt(r), "code", p.Wrong())
		p.Enter(r)
		s := h.Raw(at(2))
		s.Post(p.Attempt(s), "code", p.Recovery)
		h.Clock.Advance(6 * time.Minute)
		if a := r.Post("/account/verify", "code", p.Fresh()); a.Status != http.StatusSeeOther {
			t.Fatal(a.Fault())
		}
		h.Mails(p.Login)
		after, text := scrape(t, h)

		for line, want := range map[string][2]string{
			`sallyport_signin_attempts_total{reason="unknown_login",result="refused"}`:                             {"", "1"},
			`sallyport_signin_attempts_total{reason="wrong_password",result="refused"}`:                            {"", "1"},
			`sallyport_signin_attempts_total{reason="",result="ok"}`:                                               {"1", "3"},
			`sallyport_second_factor_attempts_total{method="totp",reason="factor.code_mismatch",result="refused"}`: {"", "1"},
			`sallyport_second_factor_attempts_total{method="totp",reason="",result="ok"}`:                          {"", "2"},
			`sallyport_second_factor_attempts_total{method="recovery_code",reason="",result="ok"}`:                 {"", "1"},
			`sallyport_recovery_used_total`:                                                                        {"0", "1"},
			`sallyport_enrolment_duration_seconds_count`:                                                           {"1", "1"},
			`sallyport_audit_chain_ok`:                                                                             {"1", "1"},
			`sallyport_enrolments_total{method="totp",result="ok"}`:                                                {"1", "1"},
			`sallyport_totp_accepted_offset_total{step="0"}`:                                                       {"", "2"},
			`sallyport_email_sent_total{kind="recovery_code_used",result="sent"}`:                                  {"", "1"},
			`sallyport_email_queue_depth`:                                                                          {"0", "0"},
			`sallyport_users{state="active"}`:                                                                      {"1", "1"},
			`sallyport_users{state="setup_required"}`:                                                              {"0", "0"},
			`sallyport_backup_last_success_timestamp_seconds`:                                                      {"0", "0"},
			`sallyport_http_requests_total{code="303",method="POST",route="/sign-in/{attempt}/code"}`:              {"", "2"},
			`sallyport_http_request_duration_seconds_count{route="/account/verify"}`:                               {"", "1"},
		} {
			if before[line] != want[0] || after[line] != want[1] {
				t.Errorf("%s: before %q, after %q, want %q", line, before[line], after[line], want)
			}
		}
		if !strings.Contains(text, "sallyport_build_info{") || after["sallyport_sessions_remembered"] == "" || after["sallyport_signing_key_age_seconds"] == "" ||
			after[`sallyport_store_op_seconds_count{op="update"}`] == "" || after[`sallyport_store_op_seconds_count{op="update"}`] == before[`sallyport_store_op_seconds_count{op="update"}`] {
			t.Error("what every node says of itself is not there")
		}
		for _, secret := range []string{p.Login, "anna", "Ringwerk", string(org.ID), string(p.ID), "example.com"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q stands in it", secret)
			}
		}
	})
}
