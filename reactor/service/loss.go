package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver/datasets"
)

// refuseLoss refuses to make tables anew from a bronze whose listing lacks objects that they were made of, by the ledger or,
// where that is lost as well, by the tables' own lineage. What bronze hides or lacks would be missing from the new tables, and
// a check would prove them right.
func (s *Service) refuseLoss(ctx context.Context) error {
	if s.cfg.AcceptLoss {
		return nil
	}
	made := map[source]lake.Entry{}
	if err := s.cfg.Lake.Entries(ctx, func(e lake.Entry) error {
		if e.Held() {
			made[source{e.SourceKey, e.SourceVersion}] = e
		}
		return nil
	}); err != nil {
		return err
	}
	for _, d := range datasets.All() {
		if err := s.madeOf(ctx, d.TableName(), made); err != nil {
			s.cfg.Log.Warn("what a table was made of cannot be read", "table", d.TableName(), "error", err)
		}
	}
	for o, err := range reconcile.Objects(ctx, s.cfg.Bucket, "") {
		if err != nil {
			return err
		}
		delete(made, source{o.Key, o.Version})
	}
	var lacking []lake.Entry
	for _, e := range made {
		lacking = append(lacking, e)
	}
	absent, err := reconcile.Explain(ctx, s.cfg.Bucket, lacking)
	if err != nil || len(absent) == 0 {
		return err
	}
	first := absent[0]
	why := "its version is not in the bucket any more: restore the bucket, or start with --accept-loss when it was deleted on purpose"
	if first.Hidden {
		why = first.Advice()
	}
	return fmt.Errorf("tables would have to be made anew from bronze, whose listing lacks %d objects that they were made of, such as %s version %s: %s",
		len(absent), first.SourceKey, first.SourceVersion, why)
}

// source is an object version.
type source struct{ key, version string }

// madeOf adds the object versions that the rows of a table name, as its newest metadata has it.
func (s *Service) madeOf(ctx context.Context, name string, made map[source]lake.Entry) error {
	t, err := s.cfg.Lake.Former(ctx, name)
	if err != nil || t == nil {
		return err
	}
	files, err := s.cfg.Lake.Files(ctx, t, t.Snapshot(), lake.AllMonths)
	if err != nil || len(files) == 0 {
		return err
	}
	_, batches, err := s.cfg.Lake.Read(ctx, t, files...)
	if err != nil {
		return err
	}
	for b, err := range batches {
		if err != nil {
			return err
		}
		err = addSources(b, made)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func addSources(b arrow.RecordBatch, made map[source]lake.Entry) error {
	columns := make([]arrow.Array, 3)
	for i, name := range []string{"source_key", "source_version", "source_modified_at"} {
		at := b.Schema().FieldIndices(name)
		if len(at) != 1 {
			return fmt.Errorf("it has no column %s", name)
		}
		columns[i] = b.Column(at[0])
	}
	keys, ok := columns[0].(array.StringLike)
	versions, also := columns[1].(array.StringLike)
	times, too := columns[2].(*array.Timestamp)
	if !ok || !also || !too {
		return fmt.Errorf("its lineage has other types: %s", b.Schema())
	}
	for i := range int(b.NumRows()) {
		of := source{keys.Value(i), versions.Value(i)}
		if _, known := made[of]; known || keys.IsNull(i) || versions.IsNull(i) {
			continue
		}
		of = source{strings.Clone(of.key), strings.Clone(of.version)} // the batch's memory is released
		made[of] = lake.Entry{SourceKey: of.key, SourceVersion: of.version, ModifiedAt: time.UnixMicro(int64(times.Value(i))).UTC()}
	}
	return nil
}
