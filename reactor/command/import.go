package command

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/reactor/announce"
	"millrace/reactor/event"
	"millrace/reactor/imports"
	"millrace/reactor/progress"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver/datasets"
)

type importCmd struct {
	lakeFlags
	settings.NATS
	Place    string        `arg:"" help:"A folder or object of a bucket, such as s3://lakehouse/exports/2024/, or a folder or file of this machine."`
	Dataset  string        `xor:"into" placeholder:"SOURCE/DATASET" help:"Dataset that the objects are of, such as binance/klines."`
	Table    string        `xor:"into" placeholder:"NAMESPACE.TABLE" help:"Register Parquet files of the lake's bucket as this Iceberg table instead; the reactor only reads it."`
	StoredAt time.Time     `name:"stored-at" format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME" help:"Take this for the time of all objects, in place of their own: for files that lost theirs."`
	DryRun   bool          `name:"dry-run" help:"Write nothing: count the objects."`
	Wait     bool          `help:"Wait until all imported objects of the dataset are in gold. Fails if one of them is a dead letter."`
	Timeout  time.Duration `default:"1h" help:"Give up waiting after this time."`
	From     fromFlags     `embed:"" prefix:"from-"`
}

// fromFlags say how another bucket is reached, where that is not as the lake's.
type fromFlags struct {
	Endpoint  string          `env:"MILLRACE_FROM_S3_ENDPOINT" placeholder:"URL" help:"S3 endpoint of another bucket."`
	AccessKey string          `env:"MILLRACE_FROM_S3_ACCESS_KEY" placeholder:"ID" help:"Access key for another bucket."`
	SecretKey settings.Secret `env:"MILLRACE_FROM_S3_SECRET_KEY" placeholder:"SECRET" help:"Secret key for another bucket; better given by the environment."`
	Region    string          `env:"MILLRACE_FROM_S3_REGION" placeholder:"REGION" help:"Region of another bucket."`
}

func (*importCmd) Help() string {
	return `Objects of the lake's own bucket stay where they are: each gets a link in bronze, an empty object whose key names the original and its version.
Files of this machine and objects of other buckets are copied. Both keep the time of their original: among rows of one key the row of the
newest original wins. What is below bronze/ already, and what no event has brought, is announced.

A second run does what is left. The newest version of each object counts; names that begin with a dot or with _ are passed over, and so is
what is no .json, .json.gz, .ndjson, .ndjson.gz or .parquet. An original whose version is deleted for good takes its rows along, at the
reconciler's next look. The command needs the owner's credentials.

With --table the Parquet files of a folder of the lake's bucket are an Iceberg table, where they are: their footers are read, and no byte is
copied. A second run adds files that came since, and columns that they have more. No upkeep and no other engine may change the files.

Examples:

  reactor import s3://lakehouse/exports/2024/ --dataset binance/klines --dry-run
  reactor import ./downloads --dataset shop/orders --wait
  reactor import s3://archive/klines/ --dataset binance/klines --from-endpoint https://s3.example.com
  reactor import s3://lakehouse/exports/trades/ --table history.trades`
}

// tableFolders are those of the bucket that hold files of tables, which their writers replace.
var tableFolders = []string{"silver", "gold", "tables"}

func (c *importCmd) Run(ctx context.Context, out *cli.Output) error {
	if c.Table != "" {
		return c.register(ctx, out)
	}
	if c.Dataset == "" {
		return cli.Usage("give --dataset, or for Parquet files --table")
	}
	if _, known := datasets.Find(c.Dataset); !known {
		return cli.Usage("%v", (&replayCmd{Dataset: c.Dataset}).knownDataset())
	}
	bucketName, prefix, stored := imports.Split(c.Place)
	if !stored && strings.Contains(c.Place, "://") {
		return cli.Usage("%q is neither s3://bucket/folder nor a folder of this machine", c.Place)
	}
	own := stored && bucketName == c.Bucket && c.From.Endpoint == ""
	folder, _, _ := strings.Cut(prefix, "/")
	switch {
	case stored && bucketName == "":
		return cli.Usage("%q names no bucket", c.Place)
	case own && prefix == "":
		return cli.Usage("%s is the lake itself: name a folder of it", c.Place)
	case own && slices.Contains(tableFolders, folder):
		return cli.Usage("%s has files of tables, which their writers replace: `reactor query` reads them", c.Place)
	case own && folder == "bronze" && !strings.HasPrefix(prefix+"/", bronze.Prefix+c.Dataset+"/"):
		return cli.Usage("%s is bronze already, and not below %s%s/: an object is of the dataset that its key names", c.Place, bronze.Prefix, c.Dataset)
	}
	return c.withLake(ctx, func(l opened) error {
		if own && folder == "bronze" {
			return c.announce(ctx, l, prefix, out)
		}
		from, err := c.place(l, bucketName, prefix, stored, own)
		if err != nil {
			return err
		}
		return c.bring(ctx, l, from, own, out)
	})
}

// place opens the place that is imported.
func (c *importCmd) place(l opened, bucketName, prefix string, stored, own bool) (imports.Place, error) {
	if !stored {
		return imports.Folder(c.Place), nil
	}
	if own {
		return imports.Objects{Bucket: l.Bucket, Prefix: prefix}, nil
	}
	s3 := c.S3
	s3.Bucket = bucketName
	if c.From.Endpoint != "" {
		s3.Endpoint, s3.S3CAFile = c.From.Endpoint, ""
	}
	if c.From.AccessKey != "" {
		s3.AccessKey, s3.SecretKey = c.From.AccessKey, c.From.SecretKey
	}
	if c.From.Region != "" {
		s3.Region = c.From.Region
	}
	client, err := s3.Client() // whose bucket refuses says so by itself
	return imports.Objects{Bucket: bucket.Bucket{Client: client, Name: bucketName}, Foreign: true, Prefix: prefix}, err
}

// bring makes links or copies.
func (c *importCmd) bring(ctx context.Context, l opened, from imports.Place, own bool, out *cli.Output) error {
	bar := out.Progress(-1, "importing")
	done, err := imports.Import{
		Bucket: l.Bucket, Dataset: c.Dataset, From: from, Link: own, StoredAt: c.StoredAt, DryRun: c.DryRun, Now: time.Now(), Progress: bar.Add,
	}.Run(ctx)
	bar.Done()
	if done.Passed > 0 {
		slog.Warn("passed over what is no data", "files", done.Passed, "first", done.Because)
	}
	if err != nil {
		return fmt.Errorf("%w (%d are done; the same command goes on from there)", err, done.New+done.There)
	}
	if done.Files == 0 {
		slog.Warn("there is nothing to import", "place", c.Place)
	}
	if err := c.untold(ctx, l, done); err != nil {
		return err
	}
	if err := c.await(ctx, l, bronze.Prefix+c.Dataset+"/", event.Object.Imported, out); err != nil {
		return err
	}
	how := "copy"
	if own {
		how = "link"
	}
	return c.print(out, how, done)
}

// untold publishes the events of objects that an earlier run made and that the ledger does not know. Of a put whose client was killed
// the store may have told nobody; if it has, the broker drops the second copy.
func (c *importCmd) untold(ctx context.Context, l opened, done imports.Imported) error {
	if done.There == 0 {
		return nil
	}
	earlier := func(o event.Object) bool { return done.Before[o.Key] }
	listed := reconcile.Wanted(reconcile.Objects(ctx, l.Bucket, bronze.Prefix+c.Dataset+"/"), earlier)
	return c.publish(ctx, reconcile.Unknown(ctx, listed, l.Lake), nil)
}

// announce publishes the events of objects that are bronze already and that the ledger does not know.
func (c *importCmd) announce(ctx context.Context, l opened, prefix string, out *cli.Output) error {
	var done imports.Imported
	below := func(o event.Object) bool {
		return o.Key == prefix || strings.HasPrefix(o.Key, prefix+"/")
	}
	listed := func(yield func(event.Object, error) bool) {
		for o, err := range reconcile.Wanted(reconcile.Objects(ctx, l.Bucket, prefix), below) {
			if done.Files++; !yield(o, err) {
				return
			}
		}
	}
	missed := func(yield func(event.Object, error) bool) {
		for o, err := range reconcile.Unknown(ctx, listed, l.Lake) {
			if done.New, done.Bytes = done.New+1, done.Bytes+o.Size; !yield(o, err) {
				return
			}
		}
	}
	bar := out.Progress(-1, "publishing")
	err := c.publish(ctx, missed, bar.Add)
	bar.Done()
	if err != nil {
		return err
	}
	if err := c.await(ctx, l, prefix, below, out); err != nil {
		return err
	}
	done.There = done.Files - done.New
	return c.print(out, "none", done)
}

// publish publishes the events of objects; a dry run only looks at them.
func (c *importCmd) publish(ctx context.Context, objects iter.Seq2[event.Object, error], progress func(int)) error {
	if c.DryRun {
		for _, err := range objects {
			if err != nil {
				return err
			}
		}
		return nil
	}
	return withEvents(ctx, c.NATS, func(js jetstream.JetStream) error {
		_, err := reconcile.Announce(ctx, objects, announce.To(js), "", progress)
		return err
	})
}

// await waits, if asked to, until what was imported is in gold. A run that was interrupted left objects that are waited for, too.
func (c *importCmd) await(ctx context.Context, l opened, prefix string, wanted func(event.Object) bool, out *cli.Output) error {
	if !c.Wait || c.DryRun {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("not after %v; does a reactor run?", c.Timeout))
	defer cancel()
	dead, err := progress.AwaitAll(ctx, l.Lake, reconcile.Wanted(reconcile.Objects(ctx, l.Bucket, prefix), wanted), bars(out))
	if err != nil {
		return fmt.Errorf("wait until %s is in gold: %w", c.Dataset, err)
	}
	if dead > 0 {
		return fmt.Errorf("%d objects of %s are dead letters: `reactor dlq list` says why", dead, c.Dataset)
	}
	return nil
}

func (c *importCmd) print(out *cli.Output, how string, done imports.Imported) error {
	return out.Table([]string{"place", "dataset", "by", "objects", "new", "there", "bytes"}, [][]any{{c.Place, c.Dataset, how, done.Files, done.New, done.There, done.Bytes}})
}

// register makes Parquet files a table.
func (c *importCmd) register(ctx context.Context, out *cli.Output) error {
	bucketName, prefix, stored := imports.Split(c.Place)
	folder, _, _ := strings.Cut(prefix, "/")
	if err := imports.CheckTableName(c.Table); err != nil {
		return cli.Usage("%v", err)
	}
	if !stored || bucketName != c.Bucket || prefix == "" || folder == "bronze" || slices.Contains(tableFolders, folder) {
		return cli.Usage("a table's files stay where they are: %s must be a folder of s3://%s/, outside of bronze/, %s/", c.Place, c.Bucket, strings.Join(tableFolders, "/, "))
	}
	if c.Wait || !c.StoredAt.IsZero() {
		return cli.Usage("--wait and --stored-at are for --dataset")
	}
	return c.withLake(ctx, func(l opened) error {
		bar := out.Progress(-1, "reading footers")
		done, err := imports.Table{
			Lake: l.Lake, Name: c.Table, From: imports.Objects{Bucket: l.Bucket, Prefix: prefix}, DryRun: c.DryRun, Progress: bar.Add,
		}.Run(ctx)
		bar.Done()
		if err != nil {
			return err
		}
		return out.Table([]string{"place", "table", "files", "new", "there", "rows", "bytes", "columns"}, [][]any{{
			c.Place, c.Table, done.New + done.There, done.New, done.There, done.Rows, done.Bytes, orNil(strings.Join(done.Columns, ", ")),
		}})
	})
}
