package imports

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/lake"
)

// tableName is what a table of registered files may be called: its name is that of a folder, too.
var tableName = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)+$`)

// Table registers the Parquet files of a folder of the lake's bucket as an Iceberg table.
type Table struct {
	Lake     *lake.Lake
	Name     string // namespace.table
	From     Objects
	DryRun   bool
	Progress func(int)
}

// CheckTableName refuses a name that no table of registered files can have.
func CheckTableName(name string) error {
	if !tableName.MatchString(name) {
		return fmt.Errorf("%q is no name of a table: it must be namespace.table, of a-z, 0-9 and _", name)
	}
	if lake.OwnedNamespace(name[:strings.LastIndex(name, ".")]) {
		return fmt.Errorf("%s would be one of the reactor's own tables: choose another namespace than silver and gold", name)
	}
	return nil
}

// Run registers the files that the table does not have.
func (t Table) Run(ctx context.Context) (lake.Registered, error) {
	var files []lake.Parquet
	for f, err := range t.From.Files(ctx) {
		if err != nil {
			return lake.Registered{}, err
		}
		if key, err := bronze.ParseKey(bronze.Prefix + "a/b/" + f.Path); err != nil || key.Ext != bronze.Parquet || bronze.Ignored(bronze.Prefix+"a/b/"+f.Path) != "" {
			continue
		}
		files = append(files, lake.Parquet{Path: "s3://" + t.From.Bucket.Name + "/" + f.Original.Key, Size: f.Original.Size})
		t.Progress(1)
	}
	if len(files) == 0 {
		return lake.Registered{}, fmt.Errorf("there is no Parquet file (*.parquet) in s3://%s/%s", t.From.Bucket.Name, t.From.Prefix)
	}
	namespace, name := t.Name[:strings.LastIndex(t.Name, ".")], t.Name[strings.LastIndex(t.Name, ".")+1:]
	location := "s3://" + t.From.Bucket.Name + "/tables/" + namespace + "/" + name
	if shared, err := t.Lake.Shared(ctx, lake.Identifier{Namespace: namespace, Name: name}, location); err != nil {
		return lake.Registered{}, err
	} else if shared {
		return lake.Registered{}, fmt.Errorf("another table lies in %s: choose another name", location)
	}
	done, err := t.Lake.RegisterFiles(ctx, lake.Registration{
		Table: t.Name, Location: location, Place: "s3://" + t.From.Bucket.Name + "/" + t.From.Prefix, Files: files, DryRun: t.DryRun,
	})
	return done, bucket.Refusal(err)
}
