package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"sallyport/internal/app"
)

type versionCmd struct{}

type versionOut struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (*versionCmd) Run(s *shell) error {
	o := versionOut{Version: app.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				o.Revision = setting.Value
			}
		}
	}
	return s.result(o, func(w io.Writer) { fmt.Fprintf(w, "sallyport %s (%s, %s)\n", o.Version, o.Go, o.Platform) })
}
