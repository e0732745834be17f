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

	sequence int64 // of the snapshot of silver that has its rows
}

// Silver is how long it took to silver.
func (o Object) Silver() time.Duration { return time.Duration(o.SilverMS) * time.Millisecond }

// Gold is how long it took to gold; call it where GoldMS is there.
func (o Object) Gold() time.Duration { return time.Duration(*o.GoldMS) * time.Millisecond }

// Live tells whether the times say how fast the lake is: those of a replay are of another time than the PUT.
func (o Object) Live() bool { return o.Run == "" && o.Outcome == lake.OutcomeDone }

const (
	// most is how many objects of an hour the page looks at, for each table.
	most = 500
	// newest is how many of them are read anew when something has changed; all of them are after wholeAfter, because a replay changes
	// older ones too.
	newest     = 50
	wholeAfter = 10 * time.Second
)

// recent remembers the objects of the last hour, and when gold reached a snapshot of silver: that does not change any more, and hundreds
// of objects ask for it.
type recent struct {
	lake *lake.Lake

	mu      sync.Mutex
	reached map[place]time.Time
	kept    map[string][]Object
	whole   map[string]time.Time // when all objects of a table were read
}

type place struct {
	table    string
	sequence int64
}

// of returns the objects of a table that were put since a time, the newest first.
func (t *recent) of(ctx context.Context, name string, since time.Time) ([]Object, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, now := newest, time.Now()
	if now.Sub(t.whole[name]) > wholeAfter {
		n = most
	}
	table, _ := silver.CutName(name)
	entries, err := t.lake.Latest(ctx, table, since, n)
	if err != nil {
		return nil, err
	}
	objects := make([]Object, 0, len(entries))
	for _, e := range entries {
		objects = append(objects, objectOf(name, e))
	}
	if n == newest && len(objects) == newest {
		objects = append(objects, older(t.kept[name], objects[newest-1].PutAt, since)...)
	}
	for i := range objects {
		if err := t.complete(ctx, &objects[i]); err != nil {
			return nil, err
		}
	}
	if t.kept == nil {
		t.kept, t.whole = map[string][]Object{}, map[string]time.Time{}
	}
	if t.kept[name] = objects; n == most {
		t.whole[name] = now
	}
	return slices.Clone(objects), nil
}

func objectOf(table string, e lake.Entry) Object {
	return Object{
		Key: e.SourceKey, Version: e.SourceVersion, Table: table, PutAt: e.ModifiedAt, Outcome: e.Outcome, Reason: e.Reason, Run: e.Run,
		SilverMS: e.At.Sub(e.ModifiedAt).Milliseconds(), sequence: e.Sequence,
	}
}

// older are those of the objects, the newest first, that were put before a time and since another.
func older(objects []Object, before, since time.Time) []Object {
	from := len(objects)
	for i, o := range objects {
		switch {
		case o.PutAt.Before(since):
			return objects[min(from, i):i]
		case o.PutAt.Before(before):
			from = min(from, i)
		}
	}
	return objects[from:]
}

// complete finds out when gold reached an object, if that is not known yet.
func (t *recent) complete(ctx context.Context, o *Object) error {
	if o.GoldMS != nil || o.Outcome != lake.OutcomeDone || o.sequence == 0 {
		return nil
	}
	at, ok, err := t.gold(ctx, place{o.Table, o.sequence})
	if err == nil && ok {
		ms := max(at.Sub(o.PutAt).Milliseconds(), o.SilverMS)
		o.GoldMS = &ms
	}
	return err
}

// gold is when gold first covered a snapshot of silver.
func (t *recent) gold(ctx context.Context, p place) (time.Time, bool, error) {
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
