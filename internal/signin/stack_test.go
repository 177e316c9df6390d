package signin_test

import (
	"context"
	"net/netip"
	"runtime/debug"
	"testing"
	"time"
	"unsafe"

	"sallyport/internal/core"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// sounding notes how much stack lies between a call and the store.
type sounding struct {
	store.Store
	top, find, reserve uintptr
}

//go:noinline
func level() uintptr { var x byte; return uintptr(unsafe.Pointer(&x)) }

func (s *sounding) FindLogin(ctx context.Context, key string, devices [][]byte) (store.Login, error) {
	s.find = s.top - level()
	return s.Store.FindLogin(ctx, key, devices)
}

func (s *sounding) Reserve(ctx context.Context, g store.Guess, rule core.LockRule, now time.Time) (store.Reserved, error) {
	s.reserve = s.top - level()
	return s.Store.Reserve(ctx, g, rule, now)
}

// spread makes room, so that no stack moves while it is sounded.
//
//go:noinline
func spread() byte { var room [96 << 10]byte; return room[level()%uintptr(len(room))] }

// A crowd at the door waits with its stacks. Go doubles one that does not suffice,
// and with the server above and the database below, 16 KiB do only as long as the
// journey between them takes little.
func TestCrowdWaitsOnSmallStacks(t *testing.T) {
	h := house.Open(t, "sqlite")
	p := h.Person(h.Organisation("Acme", "self-service", ""), "ada@example.com")
	s := *h.SignIn
	lead := &sounding{Store: s.Store}
	s.Store = lead
	v := signin.Visitor{Client: core.Client{Address: netip.MustParseAddr("192.0.2.7")}}
	done := make(chan error)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector makes stacks smaller
	go func() {
		spread()
		lead.top = level()
		_, err := s.Password(context.Background(), p.Login, p.Password, "", v)
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	const most = 4 << 10
	if lead.find == 0 || lead.find > most || lead.reserve == 0 || lead.reserve > most {
		t.Errorf("%d bytes of stack down to the look-up, %d to the reservation, at most %d are wanted", lead.find, lead.reserve, most)
	}
}
