package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/event"
	"millrace/reactor/intake"
	"millrace/reactor/silver/datasets"
)

type extractCmd struct {
	settings.S3
	limitFlags
	Dataset string `required:"" placeholder:"SOURCE/DATASET" help:"The dataset of the objects, such as coincap/assets."`
	Dir     string `type:"existingdir" placeholder:"DIR" help:"Where the rows of a large object wait until it is known to be sound; without it, the system's folder for such files."`
}

func (*extractCmd) Help() string {
	return `Reads objects from stdin, a line of JSON each as reactor stage prints it, and writes a stream of Arrow to stdout: the rows of the
dataset's table (_kind 0), refused rows (_kind 1: their lineage, _field, _reason, _raw) and a line for each object (_kind 2: _event, and
_reason and _class if it cannot be read). Nothing else is touched. The workers of Spark run this (infra/spark), so that an object becomes
the same rows there as here.

Example:

  reactor extract --dataset coincap/assets < objects.jsonl > rows.arrow`
}

func (c *extractCmd) Run(ctx context.Context, out *cli.Output) error {
	d, ok := datasets.Find(c.Dataset)
	if !ok {
		return cli.Usage("there is no dataset %q: `reactor schema` lists them", c.Dataset)
	}
	client, err := c.Client()
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	e := intake.Extract{Client: client, Dataset: d, Limits: c.limits(), Dir: c.Dir}
	if err := e.Write(ctx, objectLines(os.Stdin, c.Bucket), w); err != nil {
		return err
	}
	return w.Flush()
}

// objectLine is an object as `reactor stage` prints it and `reactor extract` and `reactor adopt` read it.
type objectLine struct {
	event.Object
	Dataset string  `json:"dataset"`
	Dead    *string `json:"dead"` // why it cannot be read; only for adopt
}

// objectLines reads objects, a line of JSON each; those without a bucket are of the lake's.
func objectLines(r io.Reader, bucket string) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		for line, err := range lines(r, bucket) {
			if !yield(line.Object, err) || err != nil {
				return
			}
		}
	}
}

func lines(r io.Reader, bucket string) iter.Seq2[objectLine, error] {
	return func(yield func(objectLine, error) bool) {
		for d := json.NewDecoder(bufio.NewReader(r)); ; {
			var line objectLine
			err := d.Decode(&line)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(line, fmt.Errorf("read which objects: %w", err))
				return
			}
			if line.Bucket == "" {
				line.Bucket = bucket
			}
			if line.Key == "" || line.Version == "" || line.ModifiedAt.IsZero() {
				yield(line, fmt.Errorf("read which objects: %q lacks its key, version or modified_at", line.Key))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}
