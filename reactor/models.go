package main

import (
	"context"
	"log/slog"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/rows"
	"millrace/reactor/silver/datasets"
)

// modelFlags say which gold models there are beside millrace's own.
type modelFlags struct {
	Models string `env:"MILLRACE_MODELS" type:"existingdir" placeholder:"DIR" help:"Folder of own gold models (*.sql), and of audits in its sub-folder audits."`
}

// load reads the models.
func (f modelFlags) load(ctx context.Context) (*gold.Set, error) {
	var inputs []gold.Input
	for _, d := range datasets.All() {
		in, err := gold.InputOf("silver."+d.Table, d.Schema(), d.Key)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return gold.Load(ctx, inputs, f.Models)
}

// openGold makes gold's promoter and its tables, and brings gold to where silver is: what happened while no reactor ran,
// and models that have changed, wait for no event. committed is told of each commit, those of the start among them.
func openGold(ctx context.Context, l *lake.Lake, set *gold.Set, db *duck.DB, cache *rows.Cache, log *slog.Logger, metrics *promote.Metrics, silver []string, committed func(int64, []promote.Written)) (*promote.Gold, error) {
	g, err := promote.NewGold(l, set, silver, db, cache, log, metrics)
	if err != nil {
		return nil, err
	}
	g.Committed = committed
	if err := l.Create(ctx, g.Tables()...); err != nil {
		g.Close()
		return nil, err
	}
	if err := g.Bring(ctx); err != nil {
		log.Error("gold could not be brought to silver at the start; the next event tries again", "error", err)
	}
	return g, nil
}
