//go:build ignore

// This program writes common.txt.gz from a JSON array of passwords, the most
// common one first. The array comes from `npm pack @zxcvbn-ts/language-common`,
// where it is src/passwords.json.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// stretched is how many of the most common passwords are also listed written
// two and three times: that is what people do with them when 15 characters are
// asked for.
const stretched = 3000

func main() {
	in := flag.String("in", "passwords.json", "a JSON array, most common first")
	out := flag.String("out", "common.txt.gz", "where the list goes")
	flag.Parse()
	raw, err := os.ReadFile(*in)
	if err != nil {
		log.Fatal(err)
	}
	var ranked []string
	if err := json.Unmarshal(raw, &ranked); err != nil {
		log.Fatal(err)
	}
	set := make(map[string]bool)
	for i, p := range ranked {
		p = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(p)))
		if p == "" || strings.ContainsAny(p, "\r\n") {
			continue
		}
		set[p] = true
		if i < stretched && len(p) >= 3 {
			set[p+p] = true
			set[p+p+p] = true
		}
	}
	const digits = "1234567890"
	for n := 5; n <= 30; n++ { // the row of digits, as far as the finger goes
		set[strings.Repeat(digits, 3)[:n]] = true
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
