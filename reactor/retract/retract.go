// Package retract takes objects back: it deletes their versions from bronze for good, has their rows taken out of silver and
// gold, and waits until no table shows them.
package retract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/reconcile"
)

// Retraction deletes object versions of one lake.
type Retraction struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	To     reconcile.Announcer
}

// Retracted is a version that was taken back.
type Retracted struct {
	Key, Version string
	PutAt        time.Time
	Table        string // of silver, without namespace; "" when it was in none
	Outcome      string // what the ledger said of it: done, dead, removed, or "" when it knew nothing
}

// ErrNoObject says that neither bronze nor the ledger knows the object.
var ErrNoObject = errors.New("there is no such object")

// Delete deletes a version of a key, all versions when version is "", and publishes their removal. A version that was deleted
// before by other means is taken out of the tables just the same.
func (r Retraction) Delete(ctx context.Context, key, version string) ([]Retracted, error) {
	versions, err := r.versions(ctx, key, version)
	if err != nil {
		return nil, err
	}
	entries, err := r.Lake.EntriesOf(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		v, there := versions[e.SourceVersion]
		if version != "" && e.SourceVersion != version || !there && e.Outcome == lake.OutcomeRemoved {
			continue
		}
		if v.Outcome == "" || v.Outcome == lake.OutcomeRemoved {
			v = Retracted{Key: key, Version: e.SourceVersion, PutAt: e.ModifiedAt, Table: e.Table, Outcome: e.Outcome}
		}
		versions[e.SourceVersion] = v
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("%w: neither bronze nor the ledger has %s %s", ErrNoObject, key, version)
	}
	var all []Retracted
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		if err := r.remove(ctx, key, id); err != nil {
			return all, err
		}
		if err := r.announce(ctx, versions[id]); err != nil {
			return all, err
		}
		all = append(all, versions[id])
	}
	return all, nil
}

// versions lists the versions of a key that are in bronze, delete markers included: those of an object that hides others hide
// them as well.
func (r Retraction) versions(ctx context.Context, key, version string) (map[string]Retracted, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
	defer cancel()
	found := map[string]Retracted{}
	for o := range r.Bucket.Client.ListObjectsIter(ctx, r.Bucket.Name, minio.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list the versions of %s: %w", key, o.Err)
		}
		if o.Key != key {
			break // keys come in order, and this one is the first that begins so
		}
		id := cmp.Or(o.VersionID, event.NoVersion)
		if version == "" || version == id {
			found[id] = Retracted{Key: key, Version: id, PutAt: o.LastModified.UTC().Truncate(time.Millisecond)}
		}
	}
	return found, nil
}

// remove deletes a version for good. One that is gone already is no error.
func (r Retraction) remove(ctx context.Context, key, version string) error {
	err := r.Bucket.Client.RemoveObject(ctx, r.Bucket.Name, key, minio.RemoveObjectOptions{VersionID: version})
	switch {
	case err == nil || bucket.Gone(err):
		return nil
	case bucket.IsRefusal(bucket.Refusal(err)):
		return fmt.Errorf("delete %s version %s: these credentials may not delete in bronze: %w", key, version, bucket.Refusal(err))
	}
	return fmt.Errorf("delete %s version %s: %w", key, version, err)
}

// announce publishes the removal of a version. The store tells of it, too, unless its rules are missing.
func (r Retraction) announce(ctx context.Context, v Retracted) error {
	o := event.Object{Bucket: r.Bucket.Name, Key: v.Key, Version: v.Version, ModifiedAt: v.PutAt, Removed: true}
	stored, err := r.To([]event.Object{o}, "", reconcile.NewRun(time.Now())) // it may have been announced a moment ago, and have come to nothing
	if err != nil {
		return err
	}
	_, err = stored(ctx)
	return err
}

// Await returns when no table shows rows of the versions.
func (r Retraction) Await(ctx context.Context, all []Retracted) error {
	for _, v := range all {
		if err := r.awaitVersion(ctx, v); err != nil {
			return fmt.Errorf("%s version %s is deleted, its rows are not out of silver yet: %w", v.Key, v.Version, err)
		}
	}
	return progress.AwaitGold(ctx, r.Lake)
}

func (r Retraction) awaitVersion(ctx context.Context, v Retracted) error {
	for {
		entries, err := r.Lake.EntriesOf(ctx, v.Key)
		if err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if !slices.ContainsFunc(entries, func(e lake.Entry) bool {
			return e.SourceVersion == v.Version && e.Outcome != lake.OutcomeRemoved
		}) {
			return nil
		}
		if err := progress.Pause(ctx); err != nil {
			return err
		}
	}
}
