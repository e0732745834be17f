package promote

import (
	"context"

	"millrace/reactor/lake"
)

// observeLatency measures the time from put to gold for each object that a gold step brought. It asks the ledger for these
// objects, because another reactor may have promoted them to silver.
func (g *Gold) observeLatency(ctx context.Context, before *lake.View, pins lake.Pins) {
	now := g.cfg.now()
	for name, pin := range pins.Tables {
		since := before.Pins.Tables[name].Sequence
		if pin.Sequence == since {
			continue
		}
		times, err := g.cfg.Lake.Arrived(ctx, name, since, pin.Sequence)
		if err != nil {
			g.cfg.Log.Debug("cannot measure the time from put to gold", "table", name, "error", err)
			return
		}
		for _, at := range times {
			g.cfg.Metrics.putToGold.WithLabelValues(name).Observe(now.Sub(at).Seconds())
		}
	}
}
