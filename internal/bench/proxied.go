package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
)

// proxiedHost is the app behind a proxy that checks are measured for.
const proxiedHost = "wiki.localhost:9000"

// register makes that app, and those whose tokens are measured.
func register(ctx context.Context, h *app.House) ([]tokenApp, error) {
	root, err := h.Tree.Root(ctx)
	if err != nil {
		return nil, err
	}
	_, _, err = h.Directory.CreateApp(ctx, root, directory.AppWish{Name: "Wiki", Doc: core.AppDoc{Auth: core.AppProxied, Proxy: &core.AppProxy{
		Hosts: []string{proxiedHost}, Rules: []core.PathRule{{Path: "/admin", Level: core.LevelMFA}, {Path: "/status", Public: true}}}}}, access.System(), core.Client{})
	if err != nil {
		return nil, err
	}
	return registerTokens(ctx, h, root)
}

// proxy is one keep-alive connection of a reverse proxy: it sends what Caddy sends.
type proxy struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

func (p *proxy) close() {
	if p.conn != nil {
		_ = p.conn.Close()
	}
}

func (p *proxy) ask(target, cookie string) (answer, error) {
	if p.conn == nil {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			return answer{}, err
		}
		p.conn, p.in = conn, bufio.NewReaderSize(conn, 16<<10)
	}
	if err := p.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return answer{}, err
	}
	p.out.Reset()
	p.out.WriteString("GET /forward-auth HTTP/1.1\r\nHost: " + proxiedHost + "\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" +
		"\r\nAccept: text/html\r\nAccept-Language: de,en-US;q=0.7,en;q=0.3\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: " + proxiedHost +
		"\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Uri: " + target + "\r\nCookie: " + cookie + "\r\n\r\n")
	if _, err := p.conn.Write(p.out.Bytes()); err != nil {
		return answer{}, err
	}
	return readAnswer(p.in, false)
}

// open takes a session into the app and returns the cookie of its host.
func open(p *proxy, at *client, session string) (string, error) {
	a, err := p.ask("/", "none=x")
	if err != nil {
		return "", err
	}
	begun := a.cookie("sallyport-begun")
	to, err := url.Parse(a.location)
	if err != nil || begun == "" || a.status != http.StatusFound {
		return "", fmt.Errorf("the check sends nobody to the sign-in: status %d", a.status)
	}
	if a, err = at.do("GET", to.RequestURI(), session, ""); err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(a.location, "http://"+proxiedHost)
	if !ok {
		return "", fmt.Errorf("no ticket: status %d to %.80q", a.status, a.location)
	}
	if a, err = p.ask(target, begun); err != nil {
		return "", err
	}
	cookie := a.cookie("sallyport-host")
	if cookie == "" {
		return "", errors.New("no cookie of the app's host")
	}
	return cookie, nil
}

// proxied measures the check of a reverse proxy beside the bare answer.
func (b *Bench) proxied(ctx context.Context, r *running, c *crowd) error {
	signed, err := sessions(ctx, r, c, 64)
	if err != nil {
		return err
	}
	const at = 8
	proxies := make([]*proxy, at)
	for i := range proxies {
		proxies[i] = &proxy{addr: r.addr}
		defer proxies[i].close()
	}
	one := dial(r.addr, 30*time.Second)
	defer one.close()
	var cookies []string
	for _, s := range signed {
		cookie, err := open(proxies[0], one, s)
		if err != nil {
			return err
		}
		cookies = append(cookies, cookie)
	}
	turn := make([]int, at)
	each := func(i int) error {
		turn[i]++
		a, err := proxies[i].ask("/page/one?x=1", cookies[(i+turn[i]*at)%len(cookies)])
		if err == nil && a.status != http.StatusOK {
			err = fmt.Errorf("status %d", a.status)
		}
		return err
	}
	if _, err := (load{clients: at, most: 2000, limit: time.Second}).run(ctx, each); err != nil {
		return err
	}
	got, cpu, err := perOp(ctx, load{clients: at, most: 1 << 30, limit: 3 * time.Second}, func() (time.Duration, error) { return treeCPU(r.pid()) }, each)
	if err != nil {
		return err
	}
	where := place(r.site.name, b.Small)
	share := got.rate() / b.limits.bare.rate()
	b.row(Row{ID: "P4", Work: "reverse-proxy check (/forward-auth), server's CPU, " + where, Limit: us(b.limits.bareCPU) + " (bare net/http)",
		Ours: us(cpu), Ratio: ratio(float64(b.limits.bareCPU), float64(cpu)), Goal: "≤ 25 µs", Reached: reached(cpu <= 25*time.Microsecond)})
	b.row(Row{ID: "P4", Work: "reverse-proxy checks, 8 clients, " + where, Limit: perSecond(b.limits.bare.rate()) + " (bare net/http)",
		Ours: perSecond(got.rate()), Ratio: fmt.Sprintf("%.2f", share), Goal: "ratio ≥ 0.6", Reached: reached(share >= .6)})
	return nil
}
