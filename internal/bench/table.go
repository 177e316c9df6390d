package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Row is a line of the table.
type Row struct {
	ID, Work, Limit, Ours, Ratio, Goal string
	// Reached is empty where there is no goal.
	Reached string
}

var head = Row{"#", "work", "limit in this run", "ours", "ratio", "goal", "reached"}

func (r Row) cells() []string {
	return []string{r.ID, r.Work, r.Limit, r.Ours, r.Ratio, r.Goal, r.Reached}
}

func reached(ok bool) string {
	if ok {
		return "yes"
	}
	return "NO"
}

// Print writes rows as a table that reads well in a terminal and as Markdown.
func Print(w io.Writer, rows []Row) error {
	all := append([]Row{head}, rows...)
	width := make([]int, len(head.cells()))
	for _, r := range all {
		for i, c := range r.cells() {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for n, r := range all {
		var line strings.Builder
		for i, c := range r.cells() {
			line.WriteString("| " + c + strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+1))
		}
		if _, err := fmt.Fprintln(w, line.String()+"|"); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		line.Reset()
		for _, d := range width {
			line.WriteString("|" + strings.Repeat("-", d+2))
		}
		if _, err := fmt.Fprintln(w, line.String()+"|"); err != nil {
			return err
		}
	}
	return nil
}

func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	if v < 10 {
		return fmt.Sprintf("%.2f ms", v)
	}
	return fmt.Sprintf("%.0f ms", v)
}

func us(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond)) }

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

func perSecond(rate float64) string {
	if rate < 1000 {
		return fmt.Sprintf("%.1f/s", rate)
	}
	whole := fmt.Sprintf("%.0f", rate)
	return whole[:len(whole)-3] + "," + whole[len(whole)-3:] + "/s"
}

func ratio(a, b float64) string {
	if b == 0 {
		return "—"
	}
	return fmt.Sprintf("%.2f", a/b)
}
