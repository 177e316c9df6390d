package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// oddLines are command lines that nobody means, an argument a line.
var oddLines = []string{
	"", "--", "-", "serve\n--listen", "serve\n--listen\n", "serve\n--listen=", "serve\n--listen\n--json", "user", "user\nlist\n--tenant", "nosuch\n--verb",
	"user\ninvite\n--email\na@example.com\n--email\nb@example.com", "user\nshow", "user\nshow\na\nb", "user\nshow\n--\n--json", "serve\n--listen\n\xff\xfe",
	"serve\n--listen\na\x00b", "user\ninvite\n--locale\nxx", "user\ninvite\n--role\nking", "--json\n--json\nversion", "-y\n-y", "totp\nverify\n--skew\n99999999999999999999",
	"audit\ntail\n--since\n-1h", "version\n--json=maybe", "help", "config\nprint\n--origin\n--origin", "\u0661\u0662", "serve\n--l\u0131sten\n:1", "user\nlist\n" + strings.Repeat("a", 70_000),
	"mfa\nenable", "mfa\ndisable\nx\n--confirm", "policy\nset\n--tenant\nx\n=", "policy\nset\n--tenant\nx\na=b=c\n-f\n-", "user\nsessions", "user\nroles\ngrant\na",
	"user\npass\nx\n--for\n-1h", "tenant\ntrial\nx\n--days\n9999999999999999999", "service-account\ncreate\n--login\n\n--network\n,,", "tenant\nsupport\nend\nx",
}

// FuzzFlags looks for a command line that the reading of it does not survive. Only
// the reading: what was read is not done. Everything refused is told as usage, with
// the way to the help.
func FuzzFlags(f *testing.F) {
	for _, line := range oddLines {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var out, errs bytes.Buffer
		defer func() {
			if e := recover(); e != nil {
				if code, asked := e.(exited); !asked || code != exitOK { // --help ends there
					t.Errorf("%q: %v", line, e)
				}
			}
		}()
		s, parsed, err := read(t.Context(), Process{Args: strings.Split(line, "\n"), In: strings.NewReader(""), Out: &out, Err: &errs})
		if err == nil {
			if parsed.Command() == "" {
				t.Errorf("%q is read, and says nothing to do", line)
			}
			return
		}
		var u usageError
		if !errors.As(err, &u) || !strings.Contains(err.Error(), "help: sallyport") {
			t.Errorf("%q: %v", line, err)
		}
		if code := s.fail(err); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%q: exit %d, %q", line, code, errs.String())
		}
	})
}
