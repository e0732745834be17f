package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"
)

// filesProperty is where a table that Parquet files were registered as keeps the place of its files. Such a table has no other writer.
const filesProperty = "millrace.registered-files"

// Parquet is a file that somebody else wrote.
type Parquet struct {
	Path string // s3://bucket/key
	Size int64
}

// Registration says which files are to be a table.
type Registration struct {
	Table    string // its name
	Location string // of the table's own files
	Place    string // where the files are, in words
	Files    []Parquet
	DryRun   bool // work all out, and write nothing
}

// Registered is what became of files that were registered.
type Registered struct {
	New, There int
	Rows       int64 // of the new ones
	Bytes      int64
	Columns    []string // that the table got
}

// RegisterFiles makes Parquet files a table, or adds those to it that it does not have. It reads their footers and copies no byte. The
// table has the columns of all files, in the order of their first appearance; Iceberg's name mapping finds them in files, which have no
// ids.
func (l *Lake) RegisterFiles(ctx context.Context, r Registration) (Registered, error) {
	var done Registered
	id, err := parseName(r.Table)
	if err != nil {
		return done, err
	}
	base, err := l.registeredTable(ctx, id, r.Location, r.Place)
	if err != nil {
		return done, err
	}
	fresh, err := l.unregistered(ctx, base, r.Files)
	if err != nil {
		return done, err
	}
	done.There, done.New = len(r.Files)-len(fresh), len(fresh)
	columns, has, err := l.columnsOf(ctx, fresh)
	if err != nil {
		return done, err
	}
	added, err := lacking(base.Meta.CurrentSchema(), columns)
	if err != nil {
		return done, err
	}
	for _, f := range added {
		done.Columns = append(done.Columns, f.Name)
	}
	for _, f := range fresh {
		done.Bytes += f.Size
	}
	if r.DryRun || len(fresh) == 0 {
		return done, nil
	}
	done.Rows, err = l.addFiles(ctx, id, base, has, added)
	return done, err
}

// registeredTable returns the table that files are added to; one that is to be made is empty, and in no catalog.
func (l *Lake) registeredTable(ctx context.Context, id Identifier, location, place string) (*Table, error) {
	if id.Owned() {
		return nil, fmt.Errorf("%s: the tables of %s are the reactor's: choose another namespace", id, id.Namespace)
	}
	at, err := l.Locate(ctx, KindTable, id)
	var missing *MissingError
	if errors.As(err, &missing) {
		m, err := table.NewMetadata(iceberg.NewSchema(0), iceberg.UnpartitionedSpec, table.UnsortedSortOrder, location, iceberg.Properties{
			"format-version": "2",
			filesProperty:    place,
			"gc.enabled":     "false", // no engine removes files that are not the table's own
		})
		return &Table{Name: id.String(), Meta: m, store: l.store}, err
	}
	if err != nil {
		return nil, err
	}
	t, err := l.base(ctx, id, at)
	if err == nil && t.Meta.Properties()[filesProperty] == "" {
		err = fmt.Errorf("%s is there, and files were not registered as it: choose another name", id)
	}
	return t, err
}

// unregistered returns the files that the table does not have. A file that was written anew under its name is an error: the table
// knows where the columns of the former one lie.
func (l *Lake) unregistered(ctx context.Context, t *Table, files []Parquet) ([]Parquet, error) {
	sizes := map[string]int64{}
	known, err := l.Files(ctx, t, t.Snapshot(), AllMonths)
	if err != nil {
		return nil, err
	}
	for _, f := range known {
		sizes[f.task.File.FilePath()] = f.task.File.FileSizeBytes()
	}
	var fresh []Parquet
	for _, f := range files {
		size, there := sizes[f.Path]
		if there && size != f.Size {
			return nil, fmt.Errorf("%s had %d bytes when it was registered and has %d: restore it, or drop the table %s and register it anew", f.Path, size, f.Size, t.Name)
		}
		if !there {
			fresh = append(fresh, f)
		}
	}
	return fresh, nil
}

// holding says which columns a file has.
type holding struct {
	path    string
	columns map[string]bool
}

// columnsOf returns the columns of all files, each once, and which file has which.
func (l *Lake) columnsOf(ctx context.Context, files []Parquet) ([]iceberg.NestedField, []holding, error) {
	var all []arrow.Field
	var has []holding
	from := map[string]string{} // by column: the first file that has it
	for _, f := range files {
		schema, err := l.arrowSchema(ctx, f)
		if err != nil {
			return nil, nil, fmt.Errorf("register %s: %w", f.Path, err)
		}
		of := holding{f.Path, map[string]bool{}}
		has = append(has, of)
		for _, field := range schema.Fields() {
			of.columns[field.Name] = true
			first, seen := from[field.Name]
			if !seen {
				from[field.Name] = f.Path
				all = append(all, arrow.Field{Name: field.Name, Type: field.Type, Nullable: true})
				continue
			}
			for _, one := range all {
				if one.Name == field.Name && !arrow.TypeEqual(one.Type, field.Type) {
					return nil, nil, fmt.Errorf("register %s: its column %s is %s, and that of %s is %s: register them as two tables, or import them as a dataset", f.Path, field.Name, field.Type, first, one.Type)
				}
			}
		}
	}
	if len(all) == 0 {
		return nil, nil, nil
	}
	schema, err := table.ArrowSchemaToIcebergWithFreshIDs(arrow.NewSchema(all, nil), false)
	if err != nil {
		return nil, nil, err
	}
	return schema.Fields(), has, nil
}

// arrowSchema reads the columns of a file out of its footer.
func (l *Lake) arrowSchema(ctx context.Context, f Parquet) (schema *arrow.Schema, err error) {
	defer func() { // arrow-go panics on broken footers
		if r := recover(); r != nil {
			err = fmt.Errorf("its footer is broken: %v", r)
		}
	}()
	body, err := l.store.open(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	r, err := file.NewParquetReader(body)
	if err != nil {
		return nil, err
	}
	if schema, err = pqarrow.FromParquet(r.MetaData().Schema, nil, nil); err != nil {
		return nil, err
	}
	for _, field := range schema.Fields() {
		if text, ok := field.Metadata.GetValue("PARQUET:field_id"); ok {
			if id, err := strconv.Atoi(text); err == nil && id >= 0 {
				return nil, fmt.Errorf("its column %s has a field id, so it is a file of an Iceberg table already: register that table", field.Name)
			}
		}
		if strings.Contains(field.Type.String(), "[ns") {
			return nil, fmt.Errorf("its column %s has nanoseconds, which a table of format 2 cannot have: import the files as a dataset", field.Name)
		}
	}
	return schema, nil
}

// lacking returns the columns that a table lacks. It is an error if it has one with another type.
func lacking(has *iceberg.Schema, columns []iceberg.NestedField) ([]iceberg.NestedField, error) {
	var added []iceberg.NestedField
	for _, c := range columns {
		one, there := has.FindFieldByName(c.Name)
		switch {
		case !there:
			added = append(added, c)
		case withoutIDs(one.Type) != withoutIDs(c.Type):
			return nil, fmt.Errorf("the column %s is %s in the table and %s in the new files", c.Name, one.Type, c.Type)
		}
	}
	return added, nil
}

// withoutIDs writes a type without the ids of inner fields, which differ from schema to schema.
func withoutIDs(t iceberg.Type) string {
	inner := func(f iceberg.NestedField) string { return f.Name + ":" + withoutIDs(f.Type) }
	switch t := t.(type) {
	case *iceberg.StructType:
		var parts []string
		for _, f := range t.FieldList {
			parts = append(parts, inner(f))
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	case *iceberg.ListType:
		return "list<" + inner(t.ElementField()) + ">"
	case *iceberg.MapType:
		return "map<" + inner(t.KeyField()) + "," + inner(t.ValueField()) + ">"
	}
	return t.String()
}

// addFiles commits files to a table, with columns that it lacks, and returns how many rows they have.
func (l *Lake) addFiles(ctx context.Context, id Identifier, base *Table, files []holding, added []iceberg.NestedField) (rows int64, err error) {
	if base.Location == "" {
		if base, err = l.makeFor(ctx, id, base.Meta, added); err != nil {
			return 0, err
		}
		added = nil
	}
	s := newSession(ctx, l.store)
	tx := base.iceberg(s).NewTransaction()
	if len(added) > 0 {
		if err := extend(tx, added); err != nil {
			return 0, err
		}
	}
	all, err := dataFiles(ctx, s, tx, files)
	if err != nil {
		return 0, err
	}
	if err := tx.AddDataFiles(ctx, all, nil, table.WithoutDuplicateCheck()); err != nil {
		return 0, errors.Join(err, s.discard(ctx))
	}
	if err := s.wait(); err != nil {
		return 0, err
	}
	commit, err := tx.TableCommit()
	if err != nil {
		return 0, err
	}
	updates, err := json.Marshal(commit.Updates)
	if err != nil {
		return 0, fmt.Errorf("write the updates: %w", err)
	}
	applied, err := l.Apply(ctx, Request{Table: id, Updates: updates, Require: func(m table.Metadata) error {
		for _, r := range commit.Requirements {
			if err := r.Validate(m); err != nil {
				return &RequirementError{fmt.Sprintf("%s was changed meanwhile: %v", id, err)}
			}
		}
		return nil
	}})
	if err != nil {
		return 0, errors.Join(err, s.discard(ctx))
	}
	rows, _ = strconv.ParseInt(applied[0].Snapshot().Summary.Properties["added-records"], 10, 64) // iceberg-go writes it
	return rows, nil
}

// footersAtOnce is the number of footers that are read side by side.
const footersAtOnce = 8

// dataFiles reads the footers of files as a manifest tells of them. Each is read by the columns that it has: iceberg-go refuses a file that
// lacks a map, because a map's keys are required, though the map itself is not.
func dataFiles(ctx context.Context, s *session, tx *table.Transaction, files []holding) ([]iceberg.DataFile, error) {
	next, err := tx.StagedTable()
	if err != nil {
		return nil, err
	}
	all := make([]iceberg.DataFile, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(footersAtOnce)
	for i, f := range files {
		var fields []iceberg.NestedField
		for _, field := range next.Schema().Fields() {
			if f.columns[field.Name] {
				fields = append(fields, field)
			}
		}
		g.Go(func() (err error) {
			all[i], err = table.FileToDataFile(ctx, s, f.path, iceberg.NewSchema(next.Schema().ID, fields...), next.Spec(), 0, next.Properties())
			if err != nil {
				return fmt.Errorf("register %s: read its footer: %w", f.path, err)
			}
			return nil
		})
	}
	return all, g.Wait()
}

// makeFor makes the table with its first columns, and its namespace if need be. A run that ends here leaves an empty table, which the
// next one fills.
func (l *Lake) makeFor(ctx context.Context, id Identifier, m table.Metadata, columns []iceberg.NestedField) (*Table, error) {
	var taken *TakenError
	if err := l.CreateNamespace(ctx, id.Namespace, nil); err != nil && !errors.As(err, &taken) {
		return nil, err
	}
	made, err := table.NewMetadata(iceberg.NewSchema(0, columns...), iceberg.UnpartitionedSpec, table.UnsortedSortOrder, m.Location(), m.Properties())
	if err != nil {
		return nil, err
	}
	return l.CreateTable(ctx, id, made)
}

// extend adds columns, and names them in the name mapping.
func extend(tx *table.Transaction, added []iceberg.NestedField) error {
	u := tx.UpdateSchema(true, false)
	for _, c := range added {
		u.AddColumn([]string{c.Name}, c.Type, "", false, nil)
	}
	if err := u.Commit(); err != nil {
		return fmt.Errorf("add columns: %w", err)
	}
	next, err := tx.StagedTable()
	if err != nil {
		return err
	}
	mapping, err := json.Marshal(next.Schema().NameMapping())
	if err != nil {
		return err
	}
	return tx.SetProperties(iceberg.Properties{table.DefaultNameMappingKey: string(mapping)})
}
