package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

// lookAgain is the time between checks whether an object that hides others is gone.
const lookAgain = 5 * time.Second

// Covers finds objects that hide others from MinIO's listings: an object `a/b` hides all of `a/b/…`, though each of these can still
// be read. One forgotten slash (`cp x.json s3://lakehouse/bronze/coincap/history`) makes one. Rows of hidden objects stay in the
// tables, but a rebuild would lose them.
type Covers struct {
	bucket bucket.Bucket
	below  func(ctx context.Context, key string) (n int, first string, err error)
	log    *slog.Logger
	came   chan string

	mu     sync.Mutex
	files  map[string]bool   // folders named like a data file: Spark writes x.parquet/part-0.parquet
	hiding map[string]string // by key: what the object hides
}

// NewCovers makes a Covers that has found nothing yet. below returns the number of objects that the ledger knows below a key.
func NewCovers(b bucket.Bucket, below func(ctx context.Context, key string) (int, string, error), log *slog.Logger, r prometheus.Registerer) *Covers {
	c := &Covers{bucket: b, below: below, log: log, came: make(chan string, 256), files: map[string]bool{}, hiding: map[string]string{}}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "millrace_hiding_objects", Help: "Objects in bronze that hide others from listings, because their key is a folder of the others'.",
	}, func() float64 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return float64(len(c.hiding))
	}))
	return c
}

// Saw is called for each object that is put or listed. It returns at once. It queues a look into the ledger only for a key that is
// not a data file's, or that is also a known folder.
func (c *Covers) Saw(o event.Object) {
	if o.Removed || !strings.HasPrefix(o.Key, bronze.Prefix) {
		return
	}
	_, err := bronze.ParseKey(o.Key)
	c.mu.Lock()
	for at, b := range o.Key {
		if b == '/' && strings.Contains(o.Key[strings.LastIndexByte(o.Key[:at], '/')+1:at], ".") {
			c.files[o.Key[:at]] = true
		}
	}
	worth := err != nil || c.files[o.Key]
	c.mu.Unlock()
	if !worth {
		return
	}
	select {
	case c.came <- o.Key:
	default: // a pass over everything finds what is hidden
	}
}

// Found is called with the objects that a pass over everything found hidden.
func (c *Covers) Found(hidden []Absent) {
	n, first := map[string]int{}, map[string]string{}
	for _, a := range hidden {
		if n[a.Cover]++; n[a.Cover] == 1 {
			first[a.Cover] = a.SourceKey
		}
	}
	for cover := range n {
		if cover != "" {
			c.alarm(cover, n[cover], first[cover])
		}
	}
}

// Run looks at queued keys until ctx ends.
func (c *Covers) Run(ctx context.Context) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case key := <-c.came:
			c.look(ctx, key)
		case <-tick.C:
			c.clear(ctx)
		}
	}
}

func (c *Covers) look(ctx context.Context, key string) {
	n, first, err := c.below(ctx, key)
	if err == nil && n > 0 {
		var there bool
		if there, err = AnyVersion(ctx, c.bucket, key); err == nil && there {
			c.alarm(key, n, first)
		}
	}
	if err != nil && ctx.Err() == nil {
		c.log.Warn("cannot tell whether an object hides others; the reconciler looks again", "key", key, "error", err)
	}
}

func (c *Covers) alarm(key string, n int, first string) {
	what := Hides(key, n, first)
	c.mu.Lock()
	_, known := c.hiding[key]
	c.hiding[key] = what
	c.mu.Unlock()
	if !known {
		c.log.Error(what)
	}
}

// Hides says what an object hides and what mends it. Of the n objects that it hides it names the first ones given.
func Hides(key string, n int, names ...string) string {
	return fmt.Sprintf("the object %s hides %d objects from every listing, such as %s, because its key is a folder of theirs: `reactor retract %s` deletes it",
		key, n, Some(names), key)
}

// clear forgets objects that are gone.
func (c *Covers) clear(ctx context.Context) {
	c.mu.Lock()
	keys := slices.Collect(maps.Keys(c.hiding))
	c.mu.Unlock()
	for _, key := range keys {
		if there, err := AnyVersion(ctx, c.bucket, key); err != nil || there {
			continue
		}
		c.mu.Lock()
		delete(c.hiding, key)
		c.mu.Unlock()
		c.log.Info("an object that hid others is gone", "key", key)
	}
}

// Err says which objects hide which; nil if none does.
func (c *Covers) Err(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.hiding) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(slices.Sorted(maps.Values(c.hiding)), "; "))
}
