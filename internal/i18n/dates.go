package i18n

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// Date writes a day out: "14 December 2025". A nil location is UTC.
func (l Lang) Date(t time.Time, loc *time.Location) string {
	t = in(t, loc)
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = l.T("date.first", nil)
	}
	return l.T("date.day", map[string]any{
		"Day": day, "Month": l.T("date.month."+strconv.Itoa(int(t.Month())), nil), "Year": strconv.Itoa(t.Year()),
	})
}

// Time writes the hour and minute of the day: "14:05".
func (l Lang) Time(t time.Time, loc *time.Location) string {
	return in(t, loc).Format("15:04")
}

// Clock writes the time to the second, for comparing clocks.
func (l Lang) Clock(t time.Time, loc *time.Location) string {
	return in(t, loc).Format("15:04:05")
}

// DateTime writes day and time: "14 December 2025, 14:05".
func (l Lang) DateTime(t time.Time, loc *time.Location) string {
	return l.T("date.and_time", map[string]any{"Date": l.Date(t, loc), "Time": l.Time(t, loc)})
}

// DateTimeZone adds the zone's short name, for mails that are read anywhere.
func (l Lang) DateTimeZone(t time.Time, loc *time.Location) string {
	return l.T("date.and_zone", map[string]any{"Moment": l.DateTime(t, loc), "Zone": in(t, loc).Format("MST")})
}

// Day writes the day as people say it inside a sentence: "today", "yesterday",
// else the date.
func (l Lang) Day(t, now time.Time, loc *time.Location) string {
	switch daysBefore(in(t, loc), in(now, loc)) {
	case 0:
		return l.T("date.today", nil)
	case 1:
		return l.T("date.yesterday", nil)
	}
	return l.Date(t, loc)
}

// When writes a moment as people say it inside a sentence: "today, 13:48".
func (l Lang) When(t, now time.Time, loc *time.Location) string {
	return l.T("date.and_time", map[string]any{"Date": l.Day(t, now, loc), "Time": l.Time(t, loc)})
}

// Capital makes the first letter a capital, for a phrase that opens a line.
func (l Lang) Capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

func in(t time.Time, loc *time.Location) time.Time {
	if loc == nil {
		loc = time.UTC
	}
	return t.In(loc)
}

// daysBefore counts calendar days, not spans of 24 hours: at one in the morning
// yesterday is two hours ago, and days that change the clock are not longer.
func daysBefore(t, now time.Time) int {
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	return int(noon(now).Sub(noon(t)).Hours() / 24)
}
