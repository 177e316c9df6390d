package docscheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkFeatures says what is wrong with a list of features.
func checkFeatures(text string, known map[string]bool) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	head := counts.FindStringSubmatch(text)
	if head == nil {
		return []string{"the head does not say how many rows there are"}
	}
	last := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| row |") {
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			bad("line %d is not | ROW-01 | what | state | tests |", i+1)
			continue
		}
		n, _ := strconv.Atoi(m[2]) // the pattern lets digits through only
		if n != last[m[1]]+1 {
			bad("%s-%s stands after %s-%02d", m[1], m[2], m[1], last[m[1]])
		}
		last[m[1]] = n
		state := m[4]
		if !slices.Contains([]string{"done", "partly", "no", "context"}, state) {
			bad("%s-%s: %q is not done, partly, no or context", m[1], m[2], state)
		}
		proofs := strings.FieldsFunc(m[5], func(r rune) bool { return r == ',' || r == ' ' })
		if len(proofs) == 0 && (state == "done" || state == "partly") {
			bad("%s-%s is %s, but no test proves it", m[1], m[2], state)
		}
		for _, p := range proofs {
			if !known[p] {
				bad("%s-%s names %s, which is no test", m[1], m[2], p)
			}
		}
	}
	for i, group := range []string{"AIR", "CAL", "ACR", "WBX"} {
		if want, _ := strconv.Atoi(head[i+1]); last[group] != want {
			bad("%s ends at %d, and the head says %d", group, last[group], want)
		}
		delete(last, group)
	}
	for group := range last {
		bad("unknown rows %s", group)
	}
	return problems
}
