package audit

import (
	"encoding/json"

	"sallyport/internal/core"
)

// Words are the names by which catalogs may say an event, the closest first: what it
// became or why it was refused belongs to what is said, where there are words for it.
func Words(e core.Event) []string {
	out := make([]string, 0, 3)
	for _, more := range []string{e.Reason, e.Detail["kind"]} {
		if more != "" {
			out = append(out, e.Name+":"+more)
		}
	}
	return append(out, e.Name)
}

// DetailCell is all that an event notes besides, for one cell of a table: an object in
// JSON with its keys in order, or nothing. It never begins like a formula.
func DetailCell(e core.Event) string {
	if len(e.Detail) == 0 {
		return ""
	}
	b, err := json.Marshal(e.Detail)
	if err != nil {
		return ""
	}
	return string(b)
}
