package adminapi

import (
	"net/http"
	"strings"

	"sallyport/internal/web"
)

// DocsPage is the readable side of the document.
type DocsPage struct {
	web.Page
	Sections []DocsSection
}

// DocsSection are the operations of one noun.
type DocsSection struct {
	Name string
	Ops  []DocsOp
}

// DocsOp is one operation.
type DocsOp struct {
	ID, Method, Path, About string
	Query                   []query
	Fields                  []DocsField
	Status                  int
	Reads                   bool
}

// DocsField is one field of a body.
type DocsField struct {
	Name, About string
	Words       string
	Required    bool
}

// docs shows all operations on one page that needs nothing from anywhere else.
func (h *Handler) docs(ops []op) func(http.ResponseWriter, *http.Request) error {
	var sections []DocsSection
	for _, o := range ops {
		noun, _, _ := strings.Cut(strings.TrimPrefix(o.Path, "/"), "/")
		if len(sections) == 0 || sections[len(sections)-1].Name != noun {
			sections = append(sections, DocsSection{Name: noun})
		}
		x := DocsOp{ID: o.ID, Method: o.Method, Path: prefix + o.Path, About: o.About, Query: o.queries(), Status: o.Status, Reads: o.Reads}
		if o.body() && o.In != rawJSON {
			for _, f := range fieldsOf(o.In) {
				x.Fields = append(x.Fields, DocsField{f.name, f.doc, strings.Join(f.enum, ", "), !f.optional})
			}
		}
		last := &sections[len(sections)-1]
		last.Ops = append(last.Ops, x)
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		return web.Render(w, r, http.StatusOK, Docs(DocsPage{Page: web.Page{Now: h.Now()}, Sections: sections}))
	}
}
