package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/event"
)

// Cause says why the ledger did not know an object, as far as known.
type Cause string

// The causes. An event that left no trace in the ledger counts as Unannounced once the broker has forgotten it, after ten minutes.
const (
	Unannounced Cause = "unannounced"  // no event came: rules missing, queue files lost, power cut
	Forgotten   Cause = "forgotten"    // its event came and was handled, the ledger lost it: a catalog restored or replaced
	NewLedger   Cause = "ledger_empty" // there was no ledger at all: a rebuild
)

// Causes lists them all.
var Causes = []Cause{Unannounced, Forgotten, NewLedger}

// Found is the result of a pass over bronze.
type Found struct {
	Objects int           // versions listed
	Missed  map[Cause]int // published because no event had brought them
	Waiting int           // unknown to the ledger while events are on their way: the next pass looks again
	// Outdated counts objects that an earlier definition of their dataset read; their events were published as those of a replay.
	Outdated int
	// Removed counts deleted versions whose rows were still in the tables; their events were published. Hidden has objects
	// that exist and that the listing lacks. Only Whole looks for both.
	Removed int
	Hidden  []Absent
}

// Total returns the number of missed objects whose events were published.
func (f Found) Total() (n int) {
	for _, of := range f.Missed {
		n += of
	}
	return n
}

// Ledger answers a reconciler's questions.
type Ledger interface {
	// Known returns the event ids that have an entry.
	Known(ctx context.Context, ids []string) (map[string]bool, error)
	// OutdatedOf returns those of the event ids that an earlier definition read. They count as unknown.
	OutdatedOf(ctx context.Context, ids []string) (map[string]bool, error)
	// EmptyLedger tells whether the ledger has no entry.
	EmptyLedger(ctx context.Context) (bool, error)
}

const (
	// page is the number of objects that one lookup in the ledger takes.
	page = 1000
	// most is the number of unknown objects that memory holds at once, some 8 MB.
	most = 20_000
	// settle is the time that an object's event may take after the object is first seen: MinIO's queue on disk sends every
	// three seconds.
	settle = 5 * time.Second
	// anew is the time during which an event that was published a second time is left alone. Its object may fail again and
	// again for another reason, and a copy from each pass would fill the consumer.
	anew = time.Hour
)

// Reconciler publishes the event of every object in bronze that the ledger does not know.
//
// A new object's event may be on its way. No clock can tell new from old: the store's differs from ours, and both may jump. So an
// object counts as missed if it is seen twice without an entry. Between the two, a queue had time to deliver, by the monotonic clock,
// and everything in the streams was worked on.
type Reconciler struct {
	list    func(ctx context.Context, prefix string) iter.Seq2[event.Object, error]
	ledger  Ledger
	publish Announcer
	drained func(ctx context.Context, again bool) (bool, error)
	settle  time.Duration
	again   map[event.ID]time.Time // when an event was published a second time
	reread  time.Time              // when a pass last published events of objects that an earlier definition had read
}

// New makes a reconciler. drained waits until everything in the streams now was worked on, with again also the
// events of imported objects, and returns false if that takes too long.
func New(list func(ctx context.Context, prefix string) iter.Seq2[event.Object, error], ledger Ledger, publish Announcer, drained func(ctx context.Context, again bool) (bool, error)) *Reconciler {
	return &Reconciler{list: list, ledger: ledger, publish: publish, drained: drained, settle: settle, again: map[event.ID]time.Time{}}
}

// Pass looks at all objects below the prefixes ("" for all of bronze). progress, unless nil, is called with the number of objects just
// listed.
func (r *Reconciler) Pass(ctx context.Context, progress func(int), prefixes ...string) (Found, error) {
	return r.pass(ctx, nil, progress, prefixes)
}

// Whole makes a pass over all of bronze in both directions: it finds objects that the ledger lacks, and objects of the ledger that the
// listing lacks.
func (r *Reconciler) Whole(ctx context.Context, progress func(int), book Book, b bucket.Bucket) (Found, error) {
	roll, err := CallRoll(ctx, book)
	if err != nil {
		return Found{}, err
	}
	found, err := r.pass(ctx, roll, progress, []string{""})
	if err != nil {
		return found, err
	}
	absent, err := roll.Absent(ctx, book, b)
	if err != nil {
		return found, fmt.Errorf("find objects that the listing lacks: %w", err)
	}
	out := sender{publish: r.publish}
	for _, a := range absent {
		if a.Hidden {
			found.Hidden = append(found.Hidden, a)
			continue
		}
		if err := out.send(ctx, Removal(b, a.Entry)); err != nil {
			return found, err
		}
		found.Removed++
	}
	return found, out.flush(ctx)
}

func (r *Reconciler) pass(ctx context.Context, roll *Roll, progress func(int), prefixes []string) (Found, error) {
	p := pass{r: r, roll: roll, progress: progress, found: Found{Missed: map[Cause]int{}}}
	var err error
	if p.empty, err = r.ledger.EmptyLedger(ctx); err != nil {
		return p.found, err
	}
	for _, prefix := range prefixes {
		if err := p.list(ctx, prefix); err != nil {
			return p.found, err
		}
	}
	if err := p.publish(ctx); err != nil {
		return p.found, err
	}
	if p.found.Outdated > 0 {
		r.reread = time.Now()
	}
	return p.found, nil
}

// Unknown yields the objects that the ledger does not know at this moment, including those whose events are on their way.
func Unknown(ctx context.Context, objects iter.Seq2[event.Object, error], ledger Ledger) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		var some []event.Object
		flush := func() bool {
			unknown, err := without(ctx, ledger, some)
			some = some[:0]
			if err != nil {
				return yield(event.Object{}, err)
			}
			for _, o := range unknown {
				if !yield(o, nil) {
					return false
				}
			}
			return true
		}
		for o, err := range objects {
			if err != nil {
				yield(o, err)
				return
			}
			if some = append(some, o); len(some) == page && !flush() {
				return
			}
		}
		flush()
	}
}

type pass struct {
	r        *Reconciler
	roll     *Roll // nil in a pass over a part of bronze
	progress func(int)
	empty    bool // the ledger was empty when the pass began
	unknown  []event.Object
	found    Found
}

// list collects unknown objects and publishes them when they are many.
func (p *pass) list(ctx context.Context, prefix string) error {
	var objects []event.Object
	look := func() error {
		if p.progress != nil {
			p.progress(len(objects))
		}
		unknown, err := without(ctx, p.r.ledger, objects)
		p.unknown, objects = append(p.unknown, unknown...), objects[:0]
		return err
	}
	for o, err := range p.r.list(ctx, prefix) {
		if err != nil {
			return err
		}
		p.found.Objects++
		if p.roll != nil {
			p.roll.See(o)
		}
		if objects = append(objects, o); len(objects) < page {
			continue
		}
		if err := look(); err != nil {
			return err
		}
		if len(p.unknown) >= most {
			if err := p.publish(ctx); err != nil {
				return err
			}
		}
	}
	return look()
}

// without returns the objects that have no entry in the ledger. It looks them up by identity. Merging with the ledger in the order of
// keys would not work: stores and databases sort differently. An index finds a thousand in milliseconds.
func without(ctx context.Context, ledger Ledger, objects []event.Object) ([]event.Object, error) {
	ids := make([]string, len(objects))
	for i, o := range objects {
		ids[i] = string(o.ID())
	}
	known, err := ledger.Known(ctx, ids)
	if err != nil {
		return nil, err
	}
	var unknown []event.Object
	for i, o := range objects {
		if !known[ids[i]] {
			unknown = append(unknown, o)
		}
	}
	return unknown, nil
}

// publish sends the events of the missed ones among the unknown objects. If the ledger was empty, it sends all at once: of few the broker
// drops copies of events that are on their way, of many, which share messages, the ledger answers them.
func (p *pass) publish(ctx context.Context) error {
	missed, cause := p.unknown, NewLedger
	p.unknown = nil
	if len(missed) == 0 {
		return nil
	}
	if !p.empty {
		cause = Unannounced
		var err error
		if missed, err = p.outdated(ctx, missed); err != nil || len(missed) == 0 {
			return err
		}
		if missed, err = p.second(ctx, missed); err != nil {
			return err
		}
	}
	shared := p.empty && len(missed) >= together
	out := sender{publish: p.r.publish, shared: shared}
	if err := p.send(ctx, &out, missed, cause); err != nil || len(out.copies) == 0 {
		return err
	}
	forgotten := out.copies
	p.found.Missed[cause] -= len(forgotten)
	if p.empty { // the first copies may be on their way
		var err error
		if forgotten, err = p.second(ctx, forgotten); err != nil {
			return err
		}
	}
	// The broker saw these events before and they were worked on, but the ledger does not know them: it was restored or
	// replaced. Publish them under another message id, because the broker would drop the old one again.
	again := sender{publish: p.r.publish, shared: shared, nonce: "again-" + strings.ToLower(rand.Text()[:12])}
	return p.send(ctx, &again, p.notLately(forgotten), Forgotten)
}

func (p *pass) send(ctx context.Context, out *sender, objects []event.Object, cause Cause) error {
	for _, o := range objects {
		if err := out.send(ctx, o); err != nil {
			return err
		}
		p.found.Missed[cause]++
	}
	return out.flush(ctx)
}

// second returns the objects that are still unknown after everything on its way has had time to arrive.
func (p *pass) second(ctx context.Context, first []event.Object) ([]event.Object, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(p.r.settle):
	}
	drained, err := p.r.drained(ctx, slices.ContainsFunc(first, event.Object.Imported))
	if err != nil {
		return nil, fmt.Errorf("wait for events that are on their way: %w", err)
	}
	var still []event.Object
	for len(first) > 0 {
		n := min(page, len(first))
		unknown, err := without(ctx, p.r.ledger, first[:n])
		if err != nil {
			return nil, err
		}
		still, first = append(still, unknown...), first[n:]
	}
	if !drained {
		p.found.Waiting += len(still)
		return nil, nil
	}
	return still, nil
}

// notLately leaves out events that were published a second time within the last hour.
func (p *pass) notLately(objects []event.Object) []event.Object {
	for id, at := range p.r.again {
		if time.Since(at) > anew {
			delete(p.r.again, id)
		}
	}
	var due []event.Object
	for _, o := range objects {
		if _, lately := p.r.again[o.ID()]; lately {
			p.found.Waiting++
			continue
		}
		p.r.again[o.ID()] = time.Now()
		due = append(due, o)
	}
	return due
}
