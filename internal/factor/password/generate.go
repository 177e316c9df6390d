//go:build ignore

// This program writes common.txt.gz from lists of passwords, words and names. A
// folder has the npm packages unpacked that NOTICE names, each under the last part
// of its name: language-common, language-en and so on. more.txt adds what is ours.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// lists are the files and how much of each is taken. Those of words begin with the
// most common one; a family name that few have is nobody's first guess.
var lists = []struct {
	path string
	most int
}{
	{"language-common/src/passwords.json", 1 << 20},
	{"language-en/src/commonWords.json", 1 << 20},
	{"language-en/src/firstnames.json", 1 << 20},
	{"language-en/src/lastnames.json", 3000},
	{"language-de/src/commonWords.json", 1 << 20},
	{"language-de/src/firstnames.json", 1 << 20},
	{"language-de/src/lastnames.json", 1 << 20},
	{"language-fr/src/commonWords.json", 1 << 20},
	{"language-fr/src/firstnames.json", 1 << 20},
}

func main() {
	from := flag.String("from", "packages", "a folder with the unpacked packages")
	more := flag.String("more", "more.txt", "a list of our own, one a line")
	out := flag.String("out", "common.txt.gz", "where the list goes")
	flag.Parse()
	set := make(map[string]bool)
	add := func(p string) {
		p = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(p)))
		if utf8.RuneCountInString(p) >= 3 && !strings.ContainsAny(p, "\r\n") {
			set[p] = true
		}
	}
	for _, list := range lists {
		raw, err := os.ReadFile(filepath.Join(*from, list.path))
		if err != nil {
			log.Fatal(err)
		}
		var ranked []string
		if err := json.Unmarshal(raw, &ranked); err != nil {
			log.Fatal(err)
		}
		for _, p := range ranked[:min(len(ranked), list.most)] {
			add(p)
		}
	}
	ours, err := os.ReadFile(*more)
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(ours)) {
		if !strings.HasPrefix(line, "#") {
			add(strings.TrimSpace(line))
		}
	}
	lines := make([]string, 0, len(set))
	for p := range set {
		lines = append(lines, p)
	}
	slices.Sort(lines)
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := w.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, packed.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d passwords, %d bytes\n", len(lines), packed.Len())
}
