package enrol

import (
	"encoding/json"
	"time"

	"sallyport/internal/core"
)

// RevealLife is how long a new recovery code can be shown to whoever got it.
const RevealLife = 15 * time.Minute

// Hide seals new recovery codes into a session's document, for the page that
// shows them until the person says they are saved.
func (r Room) Hide(u core.User, doc core.SessionDoc, codes []string, why string, now time.Time) (core.SessionDoc, error) {
	plain, err := json.Marshal(codes)
	if err != nil {
		return doc, err
	}
	if doc.Reveal, err = r.Ring.Seal(plain, string(u.Tenant), "reveal", string(u.ID)); err != nil {
		return doc, err
	}
	doc.RevealUntil, doc.RevealWhy = now.Add(RevealLife), why
	return doc, nil
}

// Reveal reads back what Hide sealed, while it may be shown.
func (r Room) Reveal(s core.Session, now time.Time) (codes []string, why string, ok bool) {
	if len(s.Doc.Reveal) == 0 || !now.Before(s.Doc.RevealUntil) {
		return nil, "", false
	}
	plain, err := r.Ring.Open(s.Doc.Reveal, string(s.Tenant), "reveal", string(s.User))
	if err != nil || json.Unmarshal(plain, &codes) != nil {
		return nil, "", false
	}
	return codes, s.Doc.RevealWhy, true
}
