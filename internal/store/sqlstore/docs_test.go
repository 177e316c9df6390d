package sqlstore

import (
	"testing"

	"sallyport/internal/core"
)

// what a newer program wrote survives an older one's changes.
func TestUnknownFieldsStay(t *testing.T) {
	doc, rest, err := decode[core.FactorDoc](`{"digits":8,"skew":1,"tomorrow":{"a":[1]},"issuer":"I"}`)
	if err != nil || doc.Digits != 8 || doc.Issuer != "I" || len(rest) != 1 {
		t.Fatalf("%+v, %v, %v", doc, rest, err)
	}
	doc.Digits, doc.Skew = 6, 0
	out, err := encode(doc, rest)
	if want := `{"digits":6,"issuer":"I","tomorrow":{"a":[1]}}`; err != nil || out != want {
		t.Fatalf("%s, %v", out, err)
	}
	if out, err := encode(core.FactorDoc{Digits: 6}, nil); err != nil || out != `{"digits":6}` {
		t.Fatalf("%s, %v", out, err)
	}
	if doc, rest, err := decode[core.FactorDoc](""); err != nil || rest != nil || doc.Digits != 0 {
		t.Fatalf("%+v, %v, %v", doc, rest, err)
	}
	for _, broken := range []string{"{", `{"digits":"six"}`, "[]", "null x"} {
		if _, _, err := decode[core.FactorDoc](broken); err == nil {
			t.Errorf("%s was read", broken)
		}
	}
}
