package house

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Held is a posted form whose fields the server is waiting for: the request is
// past its guard, and what the guard saw may change before the fields come. Two
// of them are two requests that truly overlap, in an order that the test picks.
type Held struct {
	form   *heldForm
	answer chan Answer
}

// heldForm gives its bytes when it may. The client reads it when the server says
// that it is waiting for them.
type heldForm struct {
	io.Reader
	asked chan struct{}
	give  chan struct{}
	once  sync.Once
}

func (f *heldForm) Read(b []byte) (int, error) {
	f.once.Do(func() { close(f.asked) })
	<-f.give
	return f.Reader.Read(b)
}

var holdingClient = &http.Client{
	Timeout:       60 * time.Second,
	Transport:     &http.Transport{ExpectContinueTimeout: 60 * time.Second, DisableKeepAlives: true},
	CheckRedirect: plainClient.CheckRedirect,
}

// Hold posts a form with the browser's cookies as they are now, up to where the
// server waits for its fields. The browser itself keeps its cookies; see Take.
func (r *Raw) Hold(path string, pairs ...string) *Held {
	r.h.T.Helper()
	body := Form(pairs...)
	h := &Held{form: &heldForm{Reader: strings.NewReader(body), asked: make(chan struct{}), give: make(chan struct{})}, answer: make(chan Answer, 1)}
	req, err := http.NewRequest(http.MethodPost, r.Base+path, h.form)
	if err != nil {
		r.h.T.Fatalf("POST %s: %v", path, err)
	}
	req.ContentLength = int64(len(body))
	req.Header.Set("Expect", "100-continue")
	c := r.Clone()
	go func() { h.answer <- c.send(holdingClient, req, "application/x-www-form-urlencoded") }()
	select {
	case <-h.form.asked:
	case a := <-h.answer:
		r.h.T.Fatalf("POST %s was answered before its fields were read: status %d, to %q", path, a.Status, a.Location)
	}
	return h
}

// Give hands the fields over.
func (h *Held) Give() { close(h.form.give) }

// Answer waits for what came back.
func (h *Held) Answer() Answer { return <-h.answer }
