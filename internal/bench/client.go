package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// client is one keep-alive connection. It does by hand what net/http's client
// does, because the generator shares the cores with what it measures: this one
// costs a few microseconds a request.
type client struct {
	addr string
	from string // X-Forwarded-For; empty sends none
	// host is the name that the server goes by; empty is its address.
	host string
	// bearer is a token for the Authorization header; empty sends none.
	bearer string
	conn   net.Conn
	in     *bufio.Reader
	out    bytes.Buffer
	limit  time.Duration
}

// answer is what a run looks at of an answer.
type answer struct {
	status   int
	location string
	cookies  []string // name=value, of those that were set and not cleared
	body     int64
}

func dial(addr string, limit time.Duration) *client { return &client{addr: addr, limit: limit} }

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// do sends a request and reads the answer whole. After an error the connection
// is gone and the next request makes another.
func (c *client) do(method, path, cookie, form string) (answer, error) {
	a, err := c.try(method, path, cookie, form)
	if err != nil {
		c.close()
		return a, fmt.Errorf("%s %s: %w", method, strings.SplitN(path, "?", 2)[0], err)
	}
	return a, nil
}

func (c *client) try(method, path, cookie, form string) (answer, error) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			return answer{}, err
		}
		c.conn, c.in = conn, bufio.NewReaderSize(conn, 16<<10)
	}
	if err := c.conn.SetDeadline(time.Now().Add(c.limit)); err != nil {
		return answer{}, err
	}
	host := c.host
	if host == "" {
		host = c.addr
	}
	c.out.Reset()
	c.out.WriteString(method + " " + path + " HTTP/1.1\r\nHost: " + host +
		"\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" +
		"\r\nAccept: text/html\r\nAccept-Language: de,en-US;q=0.7,en;q=0.3\r\nSec-Fetch-Site: same-origin\r\n")
	if c.from != "" {
		c.out.WriteString("X-Forwarded-For: " + c.from + "\r\n")
	}
	if cookie != "" {
		c.out.WriteString("Cookie: " + cookie + "\r\n")
	}
	if c.bearer != "" {
		c.out.WriteString("Authorization: Bearer " + c.bearer + "\r\n")
	}
	if method == "POST" {
		c.out.WriteString("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(form)) + "\r\n")
	}
	c.out.WriteString("\r\n" + form)
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return answer{}, err
	}
	return readAnswer(c.in, method == "HEAD")
}

func readAnswer(in *bufio.Reader, headOnly bool) (answer, error) {
	var a answer
	line, err := in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	words := bytes.SplitN(line, []byte(" "), 3)
	if len(words) < 2 {
		return a, fmt.Errorf("no status in %q", line)
	}
	if a.status, err = strconv.Atoi(string(words[1])); err != nil {
		return a, fmt.Errorf("no status in %q", line)
	}
	length := int64(-1)
	if a.status == 204 || a.status == 304 {
		length = 0
	}
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return a, err
			}
		case bytes.EqualFold(name, []byte("Location")):
			a.location = string(value)
		case bytes.EqualFold(name, []byte("Set-Cookie")):
			pair, attributes, _ := strings.Cut(string(value), ";")
			if !strings.HasSuffix(pair, "=") && !strings.Contains(attributes, "Max-Age=0") {
				a.cookies = append(a.cookies, pair)
			}
		}
	}
	if headOnly {
		return a, nil
	}
	if length < 0 {
		return a, fmt.Errorf("status %d came without a length", a.status)
	}
	a.body = length
	_, err = io.CopyN(io.Discard, in, length)
	return a, err
}

// cookie finds a cookie by its name and returns it as it is sent back.
func (a answer) cookie(name string) string {
	for _, c := range a.cookies {
		if strings.HasPrefix(c, name+"=") {
			return c
		}
	}
	return ""
}
