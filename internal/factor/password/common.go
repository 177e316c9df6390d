package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"sync"
)

//go:generate go run generate.go -from packages -out common.txt.gz

//go:embed common.txt.gz
var compressed []byte

// commonLines is the list: sorted, one folded password a line, a line break
// before the first and after the last. It stays one string, since a map of
// so many would take ten times the memory, and it is unpacked only when somebody
// chooses a password.
var commonLines = sync.OnceValue(func() string {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		panic("password: the embedded list is damaged: " + err.Error())
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic("password: the embedded list is damaged: " + err.Error())
	}
	return "\n" + string(text)
})

// common reports whether the folded password is in the list.
func common(folded string) bool {
	list := commonLines()
	low, high := 0, len(list)-1 // both at a line break
	for low < high {
		middle := low + (high-low)/2
		start := strings.LastIndexByte(list[low:middle+1], '\n') + low
		end := strings.IndexByte(list[start+1:], '\n') + start + 1
		switch line := list[start+1 : end]; {
		case line == folded:
			return true
		case line < folded:
			low = end
		default:
			high = start
		}
	}
	return false
}
