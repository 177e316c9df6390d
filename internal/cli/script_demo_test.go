package cli_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sallyport/internal/factor/totp"
)

// until tries again until ok, or fails the script.
func until(ts *testscript.TestScript, what string, ok func() bool) {
	for deadline := time.Now().Add(40 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain: %s", what)
		}
		<-time.After(30 * time.Millisecond)
	}
}

// fetch reads JSON of the script's server.
func fetch(ts *testscript.TestScript, path string, into any) bool {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get("http://127.0.0.1:" + ts.Getenv("PORT") + path)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(into) == nil
}

type people struct {
	People []struct {
		Login    string `json:"login"`
		SetupKey string `json:"setup_key"`
	} `json:"people"`
}

// demoed waits until the demo's walk is over.
func demoed(ts *testscript.TestScript, _ bool, _ []string) {
	until(ts, "the demo's walk", func() bool { var p people; return fetch(ts, "/demo/people.json", &p) && len(p.People) > 0 })
}

// mailed ADDRESS TEXT: such a mail arrives in the demo's inbox.
func mailed(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, "a mail to "+args[0]+" with "+args[1], func() bool {
		var inbox struct {
			Messages []struct{ Text string } `json:"messages"`
		}
		if !fetch(ts, "/demo/mail.json?to="+url.QueryEscape(args[0]), &inbox) {
			return false
		}
		for _, m := range inbox.Messages {
			if strings.Contains(strings.Join(strings.Fields(m.Text), " "), args[1]) {
				return true
			}
		}
		return false
	})
}

// personcode LOGIN STEPS FILE: the code of a demo's person so many steps ahead of
// the demo's clock.
func personcode(ts *testscript.TestScript, _ bool, args []string) {
	var p people
	var clock struct{ Now time.Time }
	if !fetch(ts, "/demo/people.json", &p) || !fetch(ts, "/demo/clock", &clock) {
		ts.Fatalf("the demo does not answer")
	}
	steps, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	for _, one := range p.People {
		if one.Login == args[0] {
			key, _ := totp.ParseSetupKey(one.SetupKey)
			writeCode(ts, args[2], key, clock.Now, steps)
			return
		}
	}
	ts.Fatalf("nobody has the login %s", args[0])
}

func writeCode(ts *testscript.TestScript, file string, key []byte, at time.Time, steps int64) {
	code := totp.Code(key, totp.StepAt(at, 30)+steps, totp.DefaultParams())
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(code+"\n"), 0o600))
}

// now FILE KEY: the key and its code of this moment, on two lines.
func codeNow(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("oathtool", "--totp", "--base32", args[1]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"+ts.ReadFile("stdout")), 0o600))
}

// sealed waits until the server has sealed the audit log.
func sealed(ts *testscript.TestScript, _ bool, _ []string) {
	until(ts, "the audit log being sealed", func() bool {
		return ts.Exec("sallyport", "audit", "verify") == nil && strings.Contains(ts.ReadFile("stdout"), " 0 not sealed yet")
	})
}

// join TO FROM...: the files one behind the other, readable by their owner.
func join(ts *testscript.TestScript, _ bool, args []string) {
	text := ""
	for _, f := range args[1:] {
		text += ts.ReadFile(f)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
