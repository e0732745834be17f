package command

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"millrace/infra/cli"
	"millrace/infra/files"
	"millrace/reactor/query"
)

// fileForm is how a file of results is written, by the end of its name; "" for no file.
func fileForm(path string) (string, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case path == "":
		return "", nil
	case ext == ".parquet", ext == ".csv", ext == ".json":
		return ext[1:], nil
	}
	return "", cli.Usage("--file %s: the name of the file must end in .parquet, .csv or .json, which says how it is written", path)
}

// writeFile puts a result into a file.
func writeFile(path, form string, result *query.Result, out *cli.Output) error {
	n := int64(0)
	err := files.ReplaceBy(path, func(w io.Writer) (err error) {
		if form == "parquet" {
			n, err = result.Parquet(w)
			return err
		}
		return out.To(w, form).Rows(result.Columns(), func(yield func([]any, error) bool) {
			for row, err := range result.Cells() {
				n++
				if !yield(row, err) {
					return
				}
			}
		})
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	slog.Info("result written", "file", path, "rows", n)
	return nil
}
