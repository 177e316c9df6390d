package core_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sallyport/internal/core"
)

func TestDurationReads(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5m": 5 * time.Minute, "24h": 24 * time.Hour, "14d": 14 * 24 * time.Hour, "0d": 0, "0s": 0, "1h30m": 90 * time.Minute,
		"36500d": 36500 * 24 * time.Hour,
	} {
		var d core.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q is read as %v, %v", text, time.Duration(d), err)
		}
	}
	for _, text := range []string{"", "d", "5", "-5m", "-1d", "1.5d", "+1d", "01d", " 1d", "1d ", "1d1h", "36501d", "99999999999999999999d", "5 m", "fünf", "1e3s"} {
		var d core.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, time.Duration(d))
		}
	}
}

func TestDurationWritesWhatItReads(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", 24 * time.Hour: "1d", 36 * time.Hour: "36h", 0: "0s", 90 * time.Second: "1m30s", 90 * time.Minute: "1h30m",
	} {
		if got := core.Duration(d).String(); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := core.Duration(rapid.Int64Range(0, int64(36500*24*time.Hour)).Draw(t, "d"))
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back core.Duration
		if err := json.Unmarshal(b, &back); err != nil || back != d {
			t.Fatalf("%d was written %s and read as %d, %v", d, b, back, err)
		}
	})
}
