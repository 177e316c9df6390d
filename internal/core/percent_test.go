package core_test

import (
	"testing"

	"sallyport/internal/core"
)

func TestPercentIsRoundedAndHonest(t *testing.T) {
	for _, c := range []struct{ done, of, want int }{
		{0, 0, 0}, {0, 3, 0}, {4, 41, 10}, {1, 2, 50}, {1, 3, 33}, {2, 3, 67}, {999, 1000, 99}, {1, 1000, 1}, {41, 41, 100},
	} {
		if got := core.Percent(c.done, c.of); got != c.want {
			t.Errorf("%d of %d: %d, want %d", c.done, c.of, got, c.want)
		}
	}
}
