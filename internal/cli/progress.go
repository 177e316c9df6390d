package cli

import (
	"github.com/schollz/progressbar/v3"
)

// bar shows long work where somebody sees it.
type bar struct {
	of *progressbar.ProgressBar
	at string
}

func (s *shell) progress(p progress) {
	if s.JSON || !terminal(s.Err) {
		return
	}
	if s.bar == nil || s.bar.at != p.What {
		s.progressEnd()
		total := p.Total
		if total <= 0 {
			total = -1 // a spinner
		}
		options := []progressbar.Option{progressbar.OptionSetWriter(s.Err), progressbar.OptionSetDescription(p.What), progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30), progressbar.OptionEnableColorCodes(false)}
		s.bar = &bar{progressbar.NewOptions64(total, options...), p.What}
	}
	_ = s.bar.of.Set64(p.Done) // a bar that cannot be drawn is no reason to stop
}

func (s *shell) progressEnd() {
	if s.bar != nil {
		_ = s.bar.of.Finish()
		_ = s.bar.of.Clear()
		s.bar = nil
	}
}

// progressHide takes the bar off the line, so that something can be said there.
func (s *shell) progressHide() {
	if s.bar != nil {
		_ = s.bar.of.Clear()
	}
}
