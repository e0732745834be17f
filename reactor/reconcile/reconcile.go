package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"strings"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/event"
)

// Cause is why the ledger did not know an object, as far as that can be told.
type Cause string

// The causes. An event that came longer ago than the broker remembers (ten minutes) and left no trace in the ledger
// counts as Unannounced: nobody can tell any more.
const (
	Unannounced Cause = "unannounced"  // no event came: rules missing, queue files lost, power cut
	Forgotten   Cause = "forgotten"    // its event came and was handled, the ledger lost it: a catalog restored or replaced
	NewLedger   Cause = "ledger_empty" // there was no ledger at all: a rebuild
)

// Causes lists them all.
var Causes = []Cause{Unannounced, Forgotten, NewLedger}

// Found is what a pass over bronze came to.
type Found struct {
	Objects int           // versions listed
	Missed  map[Cause]int // published because no event had brought them
	Waiting int           // unknown to the ledger, but events are still being worked on: the next pass looks again
	// Removed are versions that were deleted and whose rows are still there; their events were published. Hidden are objects
	// that are there and that the listing lacks. Only Whole looks for them.
	Removed int
	Hidden  []Absent
}

// Total is how many were published.
func (f Found) Total() (n int) {
	for _, of := range f.Missed {
		n += of
	}
	return n
}

// Ledger is what a reconciler asks of it.
type Ledger interface {
	// Known are those of the event ids that have an entry.
	Known(ctx context.Context, ids []string) (map[string]bool, error)
	// EmptyLedger tells whether there is no entry at all.
	EmptyLedger(ctx context.Context) (bool, error)
}

const (
	// page is how many objects are looked up in the ledger at once.
	page = 1000
	// most is how many objects that the ledger does not know are held in memory, some 8 MB.
	most = 20_000
	// settle is how long an object that is seen for the first time may take to be announced: MinIO's queue on disk sends
	// every three seconds.
	settle = 5 * time.Second
	// anew is how long an event that was published a second time is left alone: its object may fail again and again for
	// another reason, and a copy with each pass would fill the consumer.
	anew = time.Hour
)

// Reconciler publishes the event of every object in bronze that the ledger does not know.
//
// A young object's event may be on its way. No clock can tell young from old: the store's may be another one than ours, and
// both may jump. So an object counts as missed when it is seen twice without an entry, and in between, on the monotonic
// clock, a queue had time to deliver and everything that lay in the streams was worked on.
type Reconciler struct {
	list    func(ctx context.Context, prefix string) iter.Seq2[event.Object, error]
	ledger  Ledger
	publish Announcer
	drained func(context.Context) (bool, error)
	settle  time.Duration
	again   map[event.ID]time.Time // published a second time, and when
}

// New makes a reconciler. drained waits until what is in the streams now was worked on, and is false when that takes too
// long.
func New(list func(ctx context.Context, prefix string) iter.Seq2[event.Object, error], ledger Ledger, publish Announcer, drained func(context.Context) (bool, error)) *Reconciler {
	return &Reconciler{list: list, ledger: ledger, publish: publish, drained: drained, settle: settle, again: map[event.ID]time.Time{}}
}

// Pass looks at all objects below the prefixes ("" for all of bronze). progress, when not nil, is told how many more were
// listed.
func (r *Reconciler) Pass(ctx context.Context, progress func(int), prefixes ...string) (Found, error) {
	return r.pass(ctx, nil, progress, prefixes)
}

// Whole is a pass over all of bronze in both directions: what the listing has and the ledger lacks, and what the ledger has
// and the listing lacks.
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
		return found, fmt.Errorf("look for objects that the listing lacks: %w", err)
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
	return p.found, p.publish(ctx)
}

// Unknown are those of the objects that the ledger does not know at this moment, the ones on their way among them.
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
	empty    bool // the ledger, when the pass began
	unknown  []event.Object
	found    Found
}

// list gathers what the ledger does not know, and publishes it whenever it becomes much.
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

// without are the objects that have no entry in the ledger. They are asked for by identity and not merged with the ledger
// in the order of keys: stores and databases do not agree on one, and an index finds a thousand in milliseconds.
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

// publish sends what is missed among the unknown. Without any ledger that is all of it, at once: a copy of an event that is
// on its way is dropped by the broker.
func (p *pass) publish(ctx context.Context) error {
	missed, cause := p.unknown, NewLedger
	p.unknown = nil
	if len(missed) == 0 {
		return nil
	}
	if !p.empty {
		cause = Unannounced
		var err error
		if missed, err = p.second(ctx, missed); err != nil {
			return err
		}
	}
	out := sender{publish: p.r.publish}
	if err := p.send(ctx, &out, missed, cause); err != nil || len(out.copies) == 0 {
		return err
	}
	forgotten := out.copies
	p.found.Missed[cause] -= len(forgotten)
	if p.empty { // they may be on their way
		var err error
		if forgotten, err = p.second(ctx, forgotten); err != nil {
			return err
		}
	}
	// The broker saw these events before, they were worked on, and yet the ledger knows nothing: it is not the ledger that it
	// was. Under the old message id the broker would drop them once more.
	again := sender{publish: p.r.publish, nonce: "again-" + strings.ToLower(rand.Text()[:12])}
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

// second looks a second time, after everything on its way has had time to arrive.
func (p *pass) second(ctx context.Context, first []event.Object) ([]event.Object, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(p.r.settle):
	}
	drained, err := p.r.drained(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait for the events that are on their way: %w", err)
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

// notLately leaves out what was published a second time within the last hour.
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
