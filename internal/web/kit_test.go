package web_test

import (
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/web"
)

func options(t *testing.T) web.Options {
	t.Helper()
	var n atomic.Int64
	return web.Options{
		RequestID: func() string { return "req_" + strconv.FormatInt(n.Add(1), 10) },
		Now:       func() time.Time { return sampleNow },
		Log:       slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}
}
