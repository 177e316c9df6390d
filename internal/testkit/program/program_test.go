package program

import (
	"strings"
	"testing"
)

func TestRunGivesOutputAndExitCode(t *testing.T) {
	out, _, code := Run(t, Options{}, "", "version")
	if code != 0 || strings.TrimSpace(out) == "" {
		t.Errorf("version: exit %d, %q", code, out)
	}
	if _, said, code := Run(t, Options{}, "", "no-such-verb"); code != 2 || said == "" {
		t.Errorf("an unknown verb: exit %d, %q", code, said)
	}
}

func TestNamesOfTheDeveloperDoNotReachIt(t *testing.T) {
	t.Setenv("SALLYPORT_LOG_LEVEL", "nonsense")
	for _, e := range environment([]string{"SALLYPORT_LISTEN=127.0.0.1:1"}) {
		if strings.HasPrefix(e, "SALLYPORT_LOG_LEVEL=") {
			t.Error("an exported name came through")
		}
	}
}

func TestFreeAddrIsFree(t *testing.T) {
	if a, b := FreeAddr(t), FreeAddr(t); !strings.HasPrefix(a, "127.0.0.1:") || a == b {
		t.Errorf("%s, %s", a, b)
	}
}
