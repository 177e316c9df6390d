package adminapi

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sallyport/internal/core"
)

// Quota is how many requests each caller may make within a time. It lives in each
// node's memory: it keeps a program that runs wild from taking what others need, and
// guards no secret.
type Quota struct {
	most float64
	per  time.Duration
	now  func() time.Time
	mu   sync.Mutex
	left map[string]share
}

type share struct {
	left float64
	at   time.Time
}

// callersKept bounds the memory. Which one is forgotten does not matter: its share is
// whole again, no more.
const callersKept = 50_000

// NewQuota allows most requests per caller, which come back evenly within per.
func NewQuota(most int, per time.Duration, now func() time.Time) *Quota {
	return &Quota{most: float64(most), per: per, now: now, left: map[string]share{}}
}

// Take takes one request from a caller's share.
func (q *Quota) Take(who string) (left int, full, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	s, known := q.left[who]
	if !known {
		if len(q.left) >= callersKept {
			for k := range q.left {
				delete(q.left, k)
				break
			}
		}
		s = share{q.most, now}
	}
	if passed := now.Sub(s.at); passed > 0 {
		s.left, s.at = min(q.most, s.left+q.most*float64(passed)/float64(q.per)), now
	}
	back := func(n float64) time.Duration { return time.Duration(n / q.most * float64(q.per)) }
	if s.left < 1 {
		q.left[who] = s
		return 0, back(q.most - s.left), back(1 - s.left)
	}
	s.left--
	q.left[who] = s
	return int(s.left), back(q.most - s.left), 0
}

// limit counts a request of a caller, and says in the answer what is left.
func (h *Handler) limit(w http.ResponseWriter, c Caller) error {
	left, full, wait := h.Quota.Take(string(c.Kind) + " " + string(c.Client) + " " + c.Actor.ID())
	seconds := func(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
	w.Header().Set("RateLimit-Policy", `"api";q=`+strconv.Itoa(int(h.Quota.most))+`;w=`+seconds(h.Quota.per))
	w.Header().Set("RateLimit", `"api";r=`+strconv.Itoa(left)+`;t=`+seconds(full))
	if wait > 0 {
		return core.NewFault(core.KindLimited, "api.rate_limited").After(max(wait, time.Second))
	}
	return nil
}
