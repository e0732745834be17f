package promote

import (
	"context"

	"millrace/reactor/lake"
)

// covered measures how long the objects took that a gold step brought. It asks the ledger which those are, because another
// reactor may have promoted them.
func (g *Gold) covered(ctx context.Context, before *lake.View, pins lake.Pins) {
	now := g.now()
	for name, pin := range pins.Tables {
		since := before.Pins.Tables[name].Sequence
		if pin.Sequence == since {
			continue
		}
		times, err := g.lake.Arrived(ctx, name, since, pin.Sequence)
		if err != nil {
			g.log.Debug("measure the time from put to gold", "table", name, "error", err)
			return
		}
		for _, at := range times {
			g.metrics.putToGold.WithLabelValues(name).Observe(now.Sub(at).Seconds())
		}
	}
}
