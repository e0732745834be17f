package now

import (
	"context"
	"slices"
	"sync"
	"time"

	"millrace/reactor/lake"
	"millrace/reactor/silver"
)

// Object is one that was put, and how long it took.
type Object struct {
	Key     string    `json:"key"`
	Version string    `json:"version"`
	Table   string    `json:"table"`
	PutAt   time.Time `json:"put_at"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason,omitempty"`
	Run     string    `json:"run,omitempty"`
	// SilverMS and GoldMS are the milliseconds from the PUT until its rows were in the layer; gold's is null until it is there.
	SilverMS int64  `json:"silver_ms"`
	GoldMS   *int64 `json:"gold_ms"`
}

// Silver is how long it took to silver.
func (o Object) Silver() time.Duration { return time.Duration(o.SilverMS) * time.Millisecond }

// Gold is how long it took to gold; call it where GoldMS is there.
func (o Object) Gold() time.Duration { return time.Duration(*o.GoldMS) * time.Millisecond }

// Live tells whether the times say how fast the lake is: those of a replay are of another time than the PUT.
func (o Object) Live() bool { return o.Run == "" && o.Outcome == lake.OutcomeDone }

// most is how many objects of an hour the page looks at, for each table.
const most = 500

// times remembers when gold reached a snapshot of silver: that does not change any more, and hundreds of objects ask for it.
type times struct {
	lake *lake.Lake

	mu      sync.Mutex
	reached map[place]time.Time
}

type place struct {
	table    string
	sequence int64
}

// of returns the objects of a table that were put since a time, the newest first.
func (t *times) of(ctx context.Context, name string, since time.Time) ([]Object, error) {
	table, _ := silver.CutName(name)
	entries, err := t.lake.Latest(ctx, table, since, most)
	if err != nil {
		return nil, err
	}
	objects := make([]Object, 0, len(entries))
	for _, e := range entries {
		o := Object{
			Key: e.SourceKey, Version: e.SourceVersion, Table: name, PutAt: e.ModifiedAt, Outcome: e.Outcome, Reason: e.Reason, Run: e.Run,
			SilverMS: e.At.Sub(e.ModifiedAt).Milliseconds(),
		}
		if o.Outcome == lake.OutcomeDone && e.Sequence > 0 {
			at, ok, err := t.gold(ctx, place{name, e.Sequence})
			if err != nil {
				return nil, err
			}
			if ok {
				ms := max(at.Sub(e.ModifiedAt).Milliseconds(), o.SilverMS)
				o.GoldMS = &ms
			}
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// gold is when gold first covered a snapshot of silver.
func (t *times) gold(ctx context.Context, p place) (time.Time, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.reached[p]; ok {
		return at, true, nil
	}
	at, ok, err := t.lake.Reached(ctx, p.table, p.sequence)
	if err != nil || !ok {
		return at, false, err
	}
	if t.reached == nil || len(t.reached) > 10*most {
		t.reached = map[place]time.Time{}
	}
	t.reached[p] = at
	return at, true, nil
}

// Delays sum up how long objects took from PUT to gold.
type Delays struct {
	Objects int   `json:"objects"`
	P50MS   int64 `json:"p50_ms"`
	P99MS   int64 `json:"p99_ms"`
	// Bars count the objects by Upto, the milliseconds that they took at the most; the last one has no limit, 0.
	Bars []Bar `json:"bars"`
}

// Bar is a part of the histogram.
type Bar struct {
	UptoMS  int64 `json:"upto_ms"`
	Objects int   `json:"objects"`
}

// limits are those of the histogram's bars, in milliseconds.
var limits = []int64{50, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10000, 0}

func delaysOf(objects []Object) Delays {
	d := Delays{Bars: make([]Bar, len(limits))}
	for i, upto := range limits {
		d.Bars[i].UptoMS = upto
	}
	var took []int64
	for _, o := range objects {
		if !o.Live() || o.GoldMS == nil {
			continue
		}
		took = append(took, *o.GoldMS)
		i := slices.IndexFunc(limits, func(upto int64) bool { return upto == 0 || *o.GoldMS <= upto })
		d.Bars[i].Objects++
	}
	if d.Objects = len(took); d.Objects == 0 {
		return d
	}
	slices.Sort(took)
	d.P50MS, d.P99MS = took[(len(took)-1)*50/100], took[(len(took)-1)*99/100]
	return d
}

// Highest is the count of the highest bar, at least 1.
func (d Delays) Highest() int {
	highest := 1
	for _, b := range d.Bars {
		highest = max(highest, b.Objects)
	}
	return highest
}
