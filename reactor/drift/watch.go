// Package drift notices that the objects of a dataset look otherwise than those before: a field is gone, a column is null that hardly
// ever was, rows are refused. Such a change fails nothing, since a row may lack a price, and it would be seen weeks later.
//
// What it finds is a pure function of the shapes of the last objects, in the order of their commits. It changes no row.
package drift

import (
	"maps"
	"slices"

	"millrace/reactor/silver"
)

const (
	// window is how many objects of a kind are compared with the next one. What has been so for that long is no news.
	window = 64
	// maxNames of unknown fields are remembered of each kind of objects.
	maxNames = 256
)

// Object is a version of an object, and what its rows looked like.
type Object struct {
	Key, Version string
	Shape        silver.Shape
}

// remembered is an object, and the findings that it shows.
type remembered struct {
	*Object
	shows []Finding
}

// Watch remembers the last objects of a dataset. It is a value: Look returns the one that holds once the objects are committed.
type Watch struct {
	names   [][]string              // by column
	objects map[string][]remembered // by kind
	known   map[string][]string     // by kind: the names of unknown fields, sorted
	stands  []Finding
}

// News is what a batch of objects brought.
type News struct {
	Found   []Finding           // that did not stand before
	Over    []Finding           // that stood, and do not any more
	Unknown map[string][]string // by the object's key: unknown fields that no object before had
	Objects map[string]int      // by kind of finding: the objects that show one
}

// New makes the watch of a dataset, from objects that were committed before, the oldest first, and what stood when they were. It
// tells nothing of them.
func New(d *silver.Dataset, before []Object, stood []Finding) Watch {
	w := Watch{names: d.Names(), objects: map[string][]remembered{}, known: map[string][]string{}}
	for _, o := range before {
		w.take(o)
	}
	w.stands = stood
	return w
}

// Stands are the findings that the newest object of their kind shows.
func (w Watch) Stands() []Finding { return w.stands }

// Unknown counts the names of unknown fields that objects had.
func (w Watch) Unknown() int {
	n := 0
	for _, names := range w.known {
		n += len(names)
	}
	return n
}

// Look compares objects, in their order, with those before them.
func (w Watch) Look(objects []Object) (Watch, News) {
	next := w
	next.objects, next.known, next.stands = maps.Clone(w.objects), maps.Clone(w.known), slices.Clone(w.stands)
	for kind := range next.objects {
		// What is appended goes elsewhere: the batch may be worked out again from w.
		next.objects[kind], next.known[kind] = slices.Clip(next.objects[kind]), slices.Clip(next.known[kind])
	}
	news := News{Unknown: map[string][]string{}, Objects: map[string]int{}}
	for _, o := range objects {
		if o.Shape.Rows == 0 {
			continue
		}
		first := len(next.objects[o.Shape.Kind]) == 0
		fresh := next.take(o)
		if len(fresh) > 0 && !first {
			news.Unknown[o.Key] = fresh
		}
		next.judge(o, &news)
	}
	return next, news
}

// Forget takes objects out of the watch, of whose versions gone tells that they were deleted. What stands is what the newest object
// that is left of its kind shows, since the first of those that show it.
func (w Watch) Forget(gone func(key, version string) bool) (Watch, News) {
	next := w
	next.objects, next.known, next.stands = maps.Clone(w.objects), maps.Clone(w.known), nil
	for kind, of := range w.objects {
		left := slices.DeleteFunc(slices.Clone(of), func(o remembered) bool { return gone(o.Key, o.Version) })
		next.objects[kind], next.known[kind] = left, without(w.known[kind], of, left)
	}
	news := News{Objects: map[string]int{}}
	for _, f := range w.stands {
		left := next.objects[f.Of]
		if len(left) < len(w.objects[f.Of]) || gone(f.Key, f.Version) {
			begin := len(left)
			for begin > 0 && f.shown(left[begin-1].Shape, w.names) {
				begin--
			}
			if begin == len(left) {
				news.Over = append(news.Over, f)
				continue
			}
			if gone(f.Key, f.Version) {
				f.Key, f.Version = left[begin].Key, left[begin].Version
			}
		}
		next.stands = append(next.stands, f)
	}
	return next, news
}

// without returns the names of unknown fields that stay known when of several objects some are left.
func without(known []string, before, left []remembered) []string {
	has := func(objects []remembered, name string) bool {
		return slices.ContainsFunc(objects, func(o remembered) bool { return slices.Contains(o.Shape.Unknown, name) })
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return has(before, name) && !has(left, name) })
}

// take remembers an object, and returns its unknown fields that no object before had.
func (w *Watch) take(o Object) (fresh []string) {
	kind := o.Shape.Kind
	of := append(w.objects[kind], remembered{Object: &o})
	w.objects[kind] = of[max(0, len(of)-window):]
	known := w.known[kind]
	for _, name := range o.Shape.Unknown {
		if _, there := slices.BinarySearch(known, name); !there {
			fresh = append(fresh, name)
		}
	}
	if room := maxNames - len(known); len(fresh) > 0 && room > 0 {
		known = append(slices.Clone(known), fresh[:min(len(fresh), room)]...)
		slices.Sort(known)
		w.known[kind] = known
	}
	return fresh
}

// judge works out what stands after an object that was just taken.
func (w *Watch) judge(o Object, news *News) {
	objects := w.objects[o.Shape.Kind]
	var stands []Finding
	for _, l := range looks(o.Shape, w.names) {
		begin, ok := l.run(objects)
		if !ok {
			continue
		}
		f := l.finding
		news.Objects[f.What]++
		if at := slices.IndexFunc(w.stands, f.same); at >= 0 {
			f = w.stands[at]
		} else {
			f.Key, f.Version = objects[begin].Key, objects[begin].Version
			if f.What == Gone {
				f.Near = nearest(w.namesOf(f.Field), newNames(objects, begin))
			}
			news.Found = append(news.Found, f)
		}
		for i := begin; i < len(objects); i++ {
			if !slices.ContainsFunc(objects[i].shows, f.same) {
				objects[i].shows = append(slices.Clip(objects[i].shows), f)
			}
		}
		stands = append(stands, f)
	}
	for _, f := range w.stands {
		switch {
		case slices.ContainsFunc(stands, f.same):
		case f.Of != o.Shape.Kind, len(objects) < window && f.shown(o.Shape, w.names):
			// Another kind says nothing of it. Nor does an object that still shows it, when the ones before are forgotten since a start.
			stands = append(stands, f)
		default:
			news.Over = append(news.Over, f)
		}
	}
	slices.SortFunc(stands, Finding.compare)
	w.stands = stands
}

// namesOf are the names of a field, as the source calls it and as people may.
func (w *Watch) namesOf(field string) []string {
	i := slices.IndexFunc(w.names, func(names []string) bool { return names[0] == field })
	return w.names[i]
}

// newNames are unknown fields that objects from begin on have, and none before.
func newNames(objects []remembered, begin int) []string {
	var names []string
	for _, o := range objects[begin:] {
		names = append(names, o.Shape.Unknown...)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(objects[:begin], func(o remembered) bool {
			_, there := slices.BinarySearch(o.Shape.Unknown, name)
			return there
		})
	})
}
