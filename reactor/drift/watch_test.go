package drift_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"millrace/reactor/drift"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// sequence feeds objects to a watch, one batch each.
type sequence struct {
	t       *testing.T
	dataset *silver.Dataset
	watch   drift.Watch
	n       int
}

func watching(t *testing.T, d *silver.Dataset) *sequence {
	return &sequence{t: t, dataset: d, watch: drift.New(d, nil, nil)}
}

// object is one with all fields in all rows, changed.
func (s *sequence) object(rows int64, change func(*silver.Shape)) drift.Object {
	s.n++
	shape := s.dataset.ShapeOf("", rows, slices.Repeat([]int64{rows}, len(s.dataset.Columns())), "")
	if change != nil {
		change(&shape)
	}
	return drift.Object{Key: fmt.Sprintf("o%d", s.n), Version: "v", Shape: shape}
}

func (s *sequence) look(objects ...drift.Object) drift.News {
	var news drift.News
	s.watch, news = s.watch.Look(objects)
	return news
}

func (s *sequence) many(n int, rows int64, change func(*silver.Shape)) (found []drift.Finding) {
	for range n {
		found = append(found, s.look(s.object(rows, change)).Found...)
	}
	return found
}

// wants compares what stands.
func (s *sequence) wants(want ...string) {
	s.t.Helper()
	var got []string
	for _, f := range s.watch.Stands() {
		got = append(got, f.String()+" since "+f.Key)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("after object %d stands %q, want %q", s.n, got, want)
	}
}

func column(d *silver.Dataset, name string) int { return slices.Index(d.Columns(), name) }

// gone takes a field out of all rows, and null its values.
func gone(d *silver.Dataset, name string, unknown ...string) func(*silver.Shape) {
	return func(s *silver.Shape) {
		s.Absent[column(d, name)], s.Nulls[column(d, name)] = s.Read, s.Read
		s.Unknown = unknown
	}
}

func null(d *silver.Dataset, name string, share float64) func(*silver.Shape) {
	return func(s *silver.Shape) { s.Nulls[column(d, name)] = int64(share * float64(s.Read)) }
}

func refused(rows int64) func(*silver.Shape) {
	return func(s *silver.Shape) { s.Refused = rows }
}

func TestARenamedFieldIsGoneAndTheNewOneNear(t *testing.T) {
	s := watching(t, datasets.Get("coincap/assets"))
	s.look(s.object(20, nil))
	s.wants()
	news := s.look(s.object(20, gone(datasets.Get("coincap/assets"), "price_usd", "fee", "priceUSD")))
	s.wants("priceUsd is gone, priceUSD is new since o2")
	if len(news.Found) != 1 || news.Objects[drift.Gone] != 1 || !slices.Equal(news.Unknown["o2"], []string{"fee", "priceUSD"}) || s.watch.Unknown() != 2 {
		t.Errorf("the object brings %+v", news)
	}
	if news = s.look(s.object(20, gone(datasets.Get("coincap/assets"), "price_usd", "fee", "priceUSD"))); len(news.Found) > 0 || len(news.Unknown) > 0 || news.Objects[drift.Gone] != 1 {
		t.Errorf("the next object brings %+v", news)
	}
	s.wants("priceUsd is gone, priceUSD is new since o2")
	if news = s.look(s.object(20, nil)); len(news.Over) != 1 {
		t.Errorf("it is back: %+v", news)
	}
	s.wants()
	// The first time does not hide the second.
	s.look(s.object(20, gone(datasets.Get("coincap/assets"), "price_usd")))
	s.wants("priceUsd is gone since o5")
}

func TestNamesThatAreNear(t *testing.T) {
	for want, names := range map[string][]string{
		"price_usd":       {"price_usd"},
		"priceInUsd":      {"fee", "priceInUsd", "volume"},
		"price-usd":       {"priceInUsd", "price-usd"},
		"":                {"fee", "quote"},
		"lastPriceUsd":    {"lastPriceUsd"},
		"observed_at_utc": nil,
	} {
		s := watching(t, datasets.Get("coincap/assets"))
		field := "price_usd"
		if names == nil {
			field, names = "observed_at", []string{want}
		}
		s.look(s.object(20, nil))
		s.look(s.object(20, gone(datasets.Get("coincap/assets"), field, names...)))
		if f := s.watch.Stands(); len(f) != 1 || f[0].Near != want {
			t.Errorf("%q among %q: %+v", want, names, f)
		}
	}
}

// Daily histories have one row each: a single one without a field says little, four say enough.
func TestFewRowsTakeSomeObjects(t *testing.T) {
	s := watching(t, datasets.Get("coincap/history"))
	supply := gone(datasets.Get("coincap/history"), "circulating_supply")
	both := func(sh *silver.Shape) {
		supply(sh)
		gone(datasets.Get("coincap/history"), "price_usd", "price")(sh)
		sh.Refused = sh.Rows
	}
	s.many(64, 1, supply)
	s.wants()
	s.many(3, 1, both)
	s.wants()
	s.many(2, 1, both)
	s.wants("priceUsd is gone, price is new since o65", "rows are refused since o65")
}

// Fields that objects may lack are no findings, however they come and go.
func TestOptionalFieldsAreNoFindings(t *testing.T) {
	for name, objects := range map[string]func(*sequence, *rand.Rand){
		"no point of a day has a supply": func(s *sequence, _ *rand.Rand) { s.many(200, 1, gone(s.dataset, "max_supply")) },
		"a field in half of the rows": func(s *sequence, r *rand.Rand) {
			s.look(s.object(1+r.Int64N(30), func(sh *silver.Shape) {
				for range sh.Read {
					if r.IntN(2) == 0 {
						sh.Absent[6]++
						sh.Nulls[6]++
					}
				}
			}))
		},
		"two sources in turn, one without explorers": func(s *sequence, r *rand.Rand) {
			if r.IntN(2) == 0 {
				s.look(s.object(20, nil))
			} else {
				s.look(s.object(20, gone(s.dataset, "explorer")))
			}
		},
		"the smallest assets lack a volume": func(s *sequence, r *rand.Rand) {
			s.look(s.object(2000, null(s.dataset, "vwap_24h", .3+.3*r.Float64())))
		},
		"a row is refused at times": func(s *sequence, r *rand.Rand) { s.look(s.object(20, refused(r.Int64N(2)))) },
		"one asset alone": func(s *sequence, r *rand.Rand) {
			s.look(s.object(1, null(s.dataset, "max_supply", float64(r.IntN(2)))))
		},
		"nothing at all": func(s *sequence, _ *rand.Rand) { s.look(s.object(0, nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, random := watching(t, datasets.Get("coincap/assets")), rand.New(rand.NewPCG(1, 2))
			if strings.HasPrefix(name, "two sources") {
				s.many(1, 20, nil)
				s.many(1, 20, gone(s.dataset, "explorer")) // the first change is one
				s.many(1, 20, nil)
			}
			before := len(s.watch.Stands())
			for range 300 {
				objects(s, random)
				if len(s.watch.Stands()) > before {
					if strings.HasPrefix(name, "two sources") {
						continue
					}
					t.Fatalf("after %d objects: %+v", s.n, s.watch.Stands())
				}
			}
		})
	}
}

func TestRatesThatJump(t *testing.T) {
	s := watching(t, datasets.Get("coincap/assets"))
	s.many(10, 20, null(datasets.Get("coincap/assets"), "vwap_24h", .05))
	s.many(1, 20, null(datasets.Get("coincap/assets"), "vwap_24h", .9))
	s.wants("vwap24Hr is null in most rows since o11")
	s.many(1, 20, nil)
	s.wants()
	s.many(1, 20, refused(1))
	s.wants()
	s.many(1, 20, refused(12))
	s.wants("rows are refused since o14")
	// An object of no rows says nothing of it.
	s.many(1, 0, nil)
	s.wants("rows are refused since o14")
	s.many(1, 20, nil)
	s.wants()
}

// What has been so for long is no news.
func TestWhatStaysBecomesUsual(t *testing.T) {
	s := watching(t, datasets.Get("coincap/assets"))
	s.many(5, 20, nil)
	s.many(60, 20, gone(datasets.Get("coincap/assets"), "explorer"))
	s.wants("explorer is gone since o6")
	s.many(10, 20, gone(datasets.Get("coincap/assets"), "explorer"))
	s.wants()
	s.many(64, 20, nil)
	s.many(1, 20, gone(datasets.Get("coincap/assets"), "explorer"))
	s.wants("explorer is gone since o140")
}

// Objects of another interval have other fields, and say nothing of those of this one.
func TestKindsAreApart(t *testing.T) {
	s := watching(t, datasets.Get("coincap/history"))
	kind := func(of string, change func(*silver.Shape)) func(*silver.Shape) {
		return func(sh *silver.Shape) {
			sh.Kind = of
			if change != nil {
				change(sh)
			}
		}
	}
	s.many(5, 24, kind("h1", nil))
	s.many(5, 400, kind("d1", gone(datasets.Get("coincap/history"), "circulating_supply")))
	s.wants()
	s.many(1, 24, kind("h1", gone(datasets.Get("coincap/history"), "circulating_supply")))
	s.wants("circulatingSupply is gone, in objects of h1 since o11")
	s.many(1, 400, kind("d1", gone(datasets.Get("coincap/history"), "circulating_supply")))
	s.wants("circulatingSupply is gone, in objects of h1 since o11")
}

// A new process has what stood from the table, and the last objects from its rows, or none of them.
func TestAStartForgetsNoFinding(t *testing.T) {
	s := watching(t, datasets.Get("coincap/assets"))
	s.many(5, 20, nil)
	s.many(2, 20, gone(datasets.Get("coincap/assets"), "price_usd", "priceUSD"))
	stood := s.watch.Stands()
	if read := drift.Parse(drift.Text(stood)); !reflect.DeepEqual(read, stood) {
		t.Fatalf("%+v is read as %+v", stood, read)
	}
	if drift.Text(nil) != "" || drift.Parse("") != nil || drift.Parse("{") != nil {
		t.Error("no findings have a text")
	}
	seeded := watching(t, datasets.Get("coincap/assets"))
	var before []drift.Object
	for range 5 {
		before = append(before, seeded.object(20, nil))
	}
	before = append(before, seeded.object(20, gone(datasets.Get("coincap/assets"), "price_usd", "priceUSD")))
	for name, of := range map[string][]drift.Object{"with objects": before, "without": nil} {
		t.Run(name, func(t *testing.T) {
			s := &sequence{t: t, dataset: datasets.Get("coincap/assets"), watch: drift.New(datasets.Get("coincap/assets"), of, stood)}
			s.wants("priceUsd is gone, priceUSD is new since o6")
			if found := s.many(3, 20, gone(datasets.Get("coincap/assets"), "price_usd", "priceUSD")); len(found) > 0 {
				t.Errorf("found again: %+v", found)
			}
			s.wants("priceUsd is gone, priceUSD is new since o6")
			s.many(1, 20, nil)
			s.wants()
		})
	}
	// Nothing stood, and the last object before the start tells what is usual.
	s = &sequence{t: t, dataset: datasets.Get("coincap/assets"), watch: drift.New(datasets.Get("coincap/assets"), before[:1], nil), n: 10}
	s.many(1, 20, gone(datasets.Get("coincap/assets"), "price_usd", "priceUSD"))
	s.wants("priceUsd is gone, priceUSD is new since o11")
}

// A batch is worked out again after a conflict: Look changes nothing in the watch that it is asked, and batches do not show.
func TestLookIsAFunction(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	changes := []func(*silver.Shape){nil, nil, gone(datasets.Get("coincap/assets"), "price_usd", "priceUSD"), null(datasets.Get("coincap/assets"), "vwap_24h", .9), refused(15)}
	s := watching(t, datasets.Get("coincap/assets"))
	var objects []drift.Object
	for i := range 300 {
		objects = append(objects, s.object(20, changes[(i/7+random.IntN(2))%len(changes)]))
	}
	single, batched := drift.New(datasets.Get("coincap/assets"), nil, nil), drift.New(datasets.Get("coincap/assets"), nil, nil)
	var found, foundBatched []drift.Finding
	for _, o := range objects {
		var news drift.News
		single, news = single.Look([]drift.Object{o})
		found = append(found, news.Found...)
	}
	for len(objects) > 0 {
		n := 1 + random.IntN(min(40, len(objects)))
		_, wasted := batched.Look(objects[:n])
		next, news := batched.Look(objects[:n])
		if !reflect.DeepEqual(news, wasted) {
			t.Fatalf("the same batch brings %+v, then %+v", wasted, news)
		}
		batched, objects, foundBatched = next, objects[n:], append(foundBatched, news.Found...)
	}
	if !reflect.DeepEqual(found, foundBatched) || !reflect.DeepEqual(single.Stands(), batched.Stands()) || len(found) == 0 {
		t.Errorf("one by one\n%+v\nin batches\n%+v", found, foundBatched)
	}
}

// Looking must cost nothing beside the commit of a batch, which takes some 20 ms.
func BenchmarkLook(b *testing.B) {
	s := &sequence{dataset: datasets.Get("coincap/assets"), watch: drift.New(datasets.Get("coincap/assets"), nil, nil)}
	for range 100 {
		s.look(s.object(20, null(datasets.Get("coincap/assets"), "max_supply", .6)))
	}
	one := []drift.Object{s.object(20, null(datasets.Get("coincap/assets"), "max_supply", .6))}
	b.ReportAllocs()
	for b.Loop() {
		s.watch, _ = s.watch.Look(one)
	}
}

// What an object said of its source ends with the object.
func TestADeletedObjectIsForgotten(t *testing.T) {
	forget := func(s *sequence, keys ...string) drift.News {
		var news drift.News
		s.watch, news = s.watch.Forget(func(key, _ string) bool { return slices.Contains(keys, key) })
		return news
	}
	price := gone(coincap.Assets, "price_usd")
	s := watching(t, coincap.Assets)
	s.many(3, 20, nil)
	s.many(3, 20, price) // o4 to o6
	s.wants("priceUsd is gone since o4")
	if news := forget(s, "o1", "o9"); len(news.Over) != 0 {
		t.Errorf("without an object before, it brings %+v", news)
	}
	s.wants("priceUsd is gone since o4")
	forget(s, "o4")
	s.wants("priceUsd is gone since o5")
	forget(s, "o6")
	s.wants("priceUsd is gone since o5")
	if news := forget(s, "o5"); len(news.Over) != 1 {
		t.Errorf("without all that show it: %+v", news)
	}
	s.wants()
	if found := s.many(1, 20, price); len(found) != 1 { // the next one is news again
		t.Errorf("it brings %+v", found)
	}
	s.wants("priceUsd is gone since o7")

	// A new process knows what stood from the table, and the object that was deleted before it looked from nowhere.
	started := &sequence{t: t, dataset: coincap.Assets, watch: drift.New(coincap.Assets, nil, s.watch.Stands())}
	started.wants("priceUsd is gone since o7")
	forget(started, "o7")
	started.wants()
}
