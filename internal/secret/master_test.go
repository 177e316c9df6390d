package secret

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func masterLine(fill byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(fill)), 32)))
}

func TestCreateMaster(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	m, err := CreateMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	if m.Len() != 1 || m.Warning() != "" {
		t.Errorf("%d keys, warning %q", m.Len(), m.Warning())
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	before, _ := os.ReadFile(path)
	if _, err := CreateMaster(path); err == nil {
		t.Fatal("a master key file was overwritten")
	}
	after, _ := os.ReadFile(path)
	if string(before) != string(after) {
		t.Fatal("the refused creation changed the file")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err = LoadMaster(path)
	if err != nil || !strings.Contains(m.Warning(), "0644") {
		t.Errorf("a readable key file: warning %q, %v", m.Warning(), err)
	}
}

func TestMasterErrors(t *testing.T) {
	_, err := LoadMaster(filepath.Join(t.TempDir(), "none"))
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("missing file: %v", err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {"\n# only a comment\n", "holds no key"},
		"not base64":   {"!!!!", "line 1 is not base64"},
		"wrong length": {"# one\n" + base64.StdEncoding.EncodeToString([]byte("short")), "line 2 holds 5 bytes, a master key has 32"},
		"twice":        {masterLine('a') + "\n\n" + masterLine('a'), "line 3 repeats the key of line 1"},
	} {
		if _, err := ParseMaster(c.text); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, err := ParseMaster(masterLine('a') + "\r\n" + masterLine('b') + "\n"); err != nil {
		t.Errorf("two lines with a carriage return: %v", err)
	}
	dir := t.TempDir()
	if _, err := LoadMaster(dir); err == nil {
		t.Error("a folder was loaded as key file")
	}
	if _, err := CreateMaster(filepath.Join(dir, "no", "folder")); err == nil {
		t.Error("a key file was made in a folder that does not exist")
	} else if _, statErr := os.Stat(filepath.Join(dir, "no")); !os.IsNotExist(statErr) {
		t.Errorf("something was left behind: %v", statErr)
	}
}

// N-25: a master key that ends up in a log line shows nothing of itself, also
// from inside another struct.
func TestMasterPrintsNoKey(t *testing.T) {
	m, err := ParseMaster(masterLine('K'))
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		Name   string
		master Master
	}{"x", m}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{m, &m, holder} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "75, 75") || strings.Contains(text, "KKKK") || strings.Contains(text, "0x4b, 0x4b") || strings.Contains(text, "75 75") {
				t.Errorf("%s printed the key: %s", verb, text)
			}
		}
	}
}
