package cli

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress is a bar on stderr. Where stderr is no terminal it shows nothing, so that logs stay one record a line.
// It may be used by several goroutines.
type Progress struct {
	bar *progressbar.ProgressBar
}

// Progress starts a bar of total steps; a negative total spins until Done.
func (o *Output) Progress(total int, label string) *Progress {
	if !isTerminal(o.stderr) {
		return &Progress{bar: progressbar.DefaultSilent(int64(total))}
	}
	return &Progress{bar: progressbar.NewOptions(total,
		progressbar.OptionSetWriter(o.stderr),
		progressbar.OptionSetDescription(label),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// Add moves the bar by n steps. A bar that cannot be drawn is no reason to fail the work it shows.
func (p *Progress) Add(n int) { _ = p.bar.Add(n) }

// Done takes the bar off the screen, also when the work ended early.
func (p *Progress) Done() { _ = p.bar.Finish() }
