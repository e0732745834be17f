//go:build postgres

package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
	"millrace/tests/postgres"
)

// Several catalogs serve one database. Writers commit by all of them at once, one dies in the middle, and what was acknowledged is in the
// tables' histories once.
func TestSeveralCatalogsOnOneDatabaseAreOneCatalog(t *testing.T) {
	server := postgres.New(t)
	env := []string{"MILLRACE_CATALOG=" + server.Database(t)}
	s := harness.Start(t, harness.WithEnv(env...))
	catalogs := []*harness.Iceberg{s.StartIceberg(t, env), s.StartIceberg(t, env), s.StartIceberg(t, env)}
	c := &crowd{catalogs: catalogs}
	if _, err := c.send(t.Context(), 0, http.MethodPost, "v1/namespaces", map[string]any{"namespace": []string{"lab"}}, ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range pair {
		table := map[string]any{"name": name, "schema": map[string]any{"type": "struct", "schema-id": 0, "fields": []any{}}}
		if _, err := c.send(t.Context(), 1, http.MethodPost, "v1/namespaces/lab/tables", table, ""); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	put := func() {
		for range 10 {
			i := len(keys)
			keys = append(keys, coin.AssetsKey(fmt.Sprintf("beside-%d.json", i)))
			s.Put(t, keys[i], coin.Assets(coin.Day(time.June, 1).Add(time.Duration(i)*time.Minute), coin.Asset("bitcoin", fmt.Sprint(i+1), "1")), nil)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	for w := range 6 {
		writers.Go(func() { c.write(ctx, w, 15) })
	}
	for range 3 {
		readers.Go(func() { c.read(ctx) })
	}
	put()
	harness.Eventually(t, "a third of the commits is done", func() bool { return c.acknowledged.Load() >= 30 || c.failure() != nil })
	catalogs[2].Kill()
	put()
	writers.Wait()
	cancel()
	readers.Wait()
	if err := c.failure(); err != nil {
		t.Fatal(err)
	}
	chains := map[string][]int64{}
	for i, name := range pair {
		chain, err := c.chain(t.Context(), i, name)
		if err != nil {
			t.Fatal(err)
		}
		chains[name] = chain
	}
	if !slices.Equal(chains[pair[0]], chains[pair[1]]) {
		t.Errorf("the tables of one transaction have other histories: %d and %d commits", len(chains[pair[0]]), len(chains[pair[1]]))
	}
	seen := map[int64]int{}
	for _, snapshot := range chains[pair[0]] {
		seen[snapshot]++
	}
	for _, snapshot := range c.acked {
		if seen[snapshot] != 1 {
			t.Errorf("commit %d was acknowledged, and is there %d times", snapshot, seen[snapshot])
		}
	}
	if len(seen) != len(c.acked) || len(c.acked) != 90 {
		t.Errorf("%d commits were acknowledged, %d are there, of 90", len(c.acked), len(seen))
	}
	if c.sent.Load() == 0 || c.looks.Load() < 10 {
		t.Errorf("%d commits were sent again after the death, and readers looked %d times: it proves nothing", c.sent.Load(), c.looks.Load())
	}
	t.Logf("%d commits to two tables, %d conflicts, %d sent again, %d looks of readers", len(c.acked), c.conflicts.Load(), c.sent.Load(), c.looks.Load())
	s.Wait(t, keys...)
	s.CheckEqual(t, env...)
}

// pair are the tables that each commit changes together.
var pair = [2]string{"a", "b"}

// crowd is writers and readers of two tables by several catalogs.
type crowd struct {
	catalogs []*harness.Iceberg

	acknowledged, conflicts, sent, looks atomic.Int64

	mu     sync.Mutex
	acked  []int64
	failed error
}

func (c *crowd) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = errors.Join(c.failed, err)
}

// status is an answer that is no success.
type status struct {
	code int
	text string
}

func (s *status) Error() string { return fmt.Sprintf("the catalog answers %d: %.300s", s.code, s.text) }

// send sends one call to a catalog. An error that is no *status says that nobody answered.
func (c *crowd) send(ctx context.Context, which int, method, path string, body any, key string) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	at := c.catalogs[which%len(c.catalogs)]
	r, err := http.NewRequestWithContext(ctx, method, at.URI+"/"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+at.Token)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, &status{response.StatusCode, string(answer)}
	}
	return answer, nil
}

// loaded is what the test reads of a table.
type loaded struct {
	Metadata struct {
		Current   int64 `json:"current-snapshot-id"`
		Last      int64 `json:"last-sequence-number"`
		Snapshots []struct {
			ID     int64 `json:"snapshot-id"`
			Parent int64 `json:"parent-snapshot-id"`
		}
	}
}

// load loads a table by the first of the catalogs, counted from one, that answers.
func (c *crowd) load(ctx context.Context, catalog int, name string) (l loaded, err error) {
	for try := range len(c.catalogs) {
		var answer []byte
		if answer, err = c.send(ctx, catalog+try, http.MethodGet, "v1/namespaces/lab/tables/"+name, nil, ""); err == nil {
			return l, json.Unmarshal(answer, &l)
		}
	}
	return l, err
}

// chain is the history of a table, the newest commit first.
func (c *crowd) chain(ctx context.Context, catalog int, name string) (all []int64, err error) {
	l, err := c.load(ctx, catalog, name)
	if err != nil {
		return nil, err
	}
	parents := map[int64]int64{}
	for _, s := range l.Metadata.Snapshots {
		parents[s.ID] = s.Parent
	}
	for at := l.Metadata.Current; at > 0; at = parents[at] {
		all = append(all, at)
	}
	return all, nil
}

// write commits n times to both tables at once, each commit on what was read before.
func (c *crowd) write(ctx context.Context, writer, n int) {
	for i := range n {
		snapshot := int64(writer+1)*1_000_000 + int64(i+1)
		for tries := 0; ; tries++ {
			done, err := c.commit(ctx, writer+i, snapshot)
			if done {
				break
			}
			if err != nil || tries > 500 {
				c.fail(fmt.Errorf("writer %d, commit %d, try %d: %w", writer, i, tries, err))
				return
			}
		}
		c.acknowledged.Add(1)
		c.mu.Lock()
		c.acked = append(c.acked, snapshot)
		c.mu.Unlock()
	}
}

// commit tries once; done is false when another commit came first. A request that nobody answered is sent again to the other catalogs,
// with its Idempotency-Key: whether it had happened or not, it happens once.
func (c *crowd) commit(ctx context.Context, catalog int, snapshot int64) (done bool, err error) {
	var changes []any
	for _, name := range pair {
		l, err := c.load(ctx, catalog, name)
		if err != nil {
			return false, err
		}
		next := map[string]any{"snapshot-id": snapshot, "sequence-number": l.Metadata.Last + 1, "timestamp-ms": time.Now().UnixMilli(), "schema-id": 0,
			"manifest-list": "s3://lakehouse/tables/lab/" + name + "/metadata/none.avro", "summary": map[string]string{"operation": "append"}}
		require := map[string]any{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": nil}
		if l.Metadata.Current > 0 {
			next["parent-snapshot-id"], require["snapshot-id"] = l.Metadata.Current, l.Metadata.Current
		}
		changes = append(changes, map[string]any{
			"identifier": map[string]any{"namespace": []string{"lab"}, "name": name}, "requirements": []any{require},
			"updates": []any{map[string]any{"action": "add-snapshot", "snapshot": next}, map[string]any{"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot}},
		})
	}
	key := uuid.NewString()
	for try := range 2 * len(c.catalogs) {
		_, err = c.send(ctx, catalog+try, http.MethodPost, "v1/transactions/commit", map[string]any{"table-changes": changes}, key)
		refused := (*status)(nil)
		switch {
		case err == nil:
			return true, nil
		case errors.As(err, &refused) && refused.code == http.StatusConflict:
			c.conflicts.Add(1)
			time.Sleep(rand.N(20 * time.Millisecond)) // or two writers would meet again and again
			return false, nil
		case errors.As(err, &refused):
			return false, err
		}
		c.sent.Add(1)
	}
	return false, err
}

// read looks at both tables, one after the other, in either order: a commit that changed one is in the other, which is read later.
func (c *crowd) read(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		first, err := c.load(ctx, i, pair[i%2])
		if err == nil {
			var second loaded
			if second, err = c.load(ctx, i+1, pair[(i+1)%2]); err == nil && second.Metadata.Last < first.Metadata.Last {
				c.fail(fmt.Errorf("a reader saw %s at commit %d, and after that %s at commit %d", pair[i%2], first.Metadata.Last, pair[(i+1)%2], second.Metadata.Last))
			}
		}
		if err != nil && ctx.Err() == nil {
			c.fail(fmt.Errorf("a reader: %w", err))
			return
		}
		c.looks.Add(1)
	}
}
