package now

import (
	"testing"
	"time"

	"millrace/reactor/lake"
	"millrace/reactor/stream"
)

// put is an object of a second.
func put(second int) Object { return Object{PutAt: time.Unix(int64(second), 0)} }

func TestWhatWasReadBeforeIsKeptForItsHour(t *testing.T) {
	kept := []Object{put(90), put(80), put(70), put(60), put(50)}
	for _, tt := range []struct{ before, since, first, n int }{
		{100, 0, 90, 5}, {75, 0, 70, 3}, {75, 60, 70, 2}, {90, 0, 80, 4}, {50, 0, 0, 0}, {75, 95, 0, 0}, {85, 85, 0, 0},
	} {
		got := older(kept, time.Unix(int64(tt.before), 0), time.Unix(int64(tt.since), 0))
		if len(got) != tt.n || tt.n > 0 && !got[0].PutAt.Equal(time.Unix(int64(tt.first), 0)) {
			t.Errorf("before %d and since %d: %v, want %d from %d on", tt.before, tt.since, got, tt.n, tt.first)
		}
	}
	if got := older(nil, time.Unix(1, 0), time.Unix(0, 0)); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestDelaysAreThoseOfLiveObjects(t *testing.T) {
	var objects []Object
	for _, ms := range []int64{40, 60, 60, 120, 20_000} {
		objects = append(objects, Object{Outcome: lake.OutcomeDone, GoldMS: &ms})
	}
	late := int64(1)
	objects = append(objects, Object{Outcome: lake.OutcomeDone}, Object{Outcome: lake.OutcomeDone, Run: "replay", GoldMS: &late}, Object{Outcome: lake.OutcomeDead, GoldMS: &late})
	d := delaysOf(objects)
	if d.Objects != 5 || d.P50MS != 60 || d.P99MS != 120 || d.Bars[0].Objects != 1 || d.Bars[1].Objects != 2 || d.Bars[2].Objects != 1 || d.Bars[3].Objects != 0 || d.Bars[len(d.Bars)-1].Objects != 1 || d.Highest() != 2 {
		t.Errorf("%+v", d)
	}
	if d := delaysOf(nil); d.Objects != 0 || d.Highest() != 1 {
		t.Errorf("of nothing: %+v", d)
	}
}

func TestAGlanceSeesEachChange(t *testing.T) {
	seen := map[uint64]string{}
	for what, g := range map[string]glance{
		"nothing":                 {},
		"an empty lake":           {view: &lake.View{}},
		"a table":                 {view: &lake.View{Tables: map[string]*lake.Table{"silver.x": {Location: "s3://a/1"}}}},
		"a commit":                {view: &lake.View{Tables: map[string]*lake.Table{"silver.x": {Location: "s3://a/2"}}}},
		"a step without a commit": {view: &lake.View{Tables: map[string]*lake.Table{"silver.x": {Location: "s3://a/2"}}, Pins: lake.Pins{Step: 1}}},
		"an event":                {lags: []stream.Lag{{Consumer: "gold", Waiting: 1}}},
		"in work":                 {lags: []stream.Lag{{Consumer: "gold", Working: 1}}},
		"done":                    {lags: []stream.Lag{{Consumer: "gold", Settled: 1}}},
		"another one done":        {lags: []stream.Lag{{Consumer: "gold", Settled: 2}}},
		"a dead letter":           {stores: []stream.Store{{Stream: "DLQ", Messages: 1}}},
	} {
		if other, twice := seen[g.mark()]; twice {
			t.Errorf("%s looks like %s", what, other)
		}
		mark := g.mark()
		if again := g.mark(); again != mark {
			t.Errorf("%s looks like something else the second time", what)
		}
		seen[mark] = what
	}
}
