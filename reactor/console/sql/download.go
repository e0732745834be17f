package sql

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/query"
)

// file is a form in which all rows of a result are downloaded.
type file struct {
	name, contentType string
	write             func(io.Writer, *query.Result) error
}

var (
	csvFile     = file{"result.csv", "text/csv; charset=utf-8", writeCSV}
	parquetFile = file{"result.parquet", "application/vnd.apache.parquet", func(w io.Writer, a *query.Result) error {
		_, err := a.Parquet(w)
		return err
	}}
)

// download answers with all rows. They go out as they come, so a query that fails in the middle cuts the answer off; the browser
// then says that the download failed.
func (p *Pages) download(f file) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := questionOf(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), downloadPatience)
		defer cancel()
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadPatience)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		begun := false
		err = p.ask(ctx, q, func(a *query.Result) error {
			w.Header().Set("Content-Type", f.contentType)
			w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
			w.Header().Set("Cache-Control", "no-store")
			return f.write(begins{w, &begun}, a)
		})
		switch {
		case err == nil:
		case !begun:
			w.Header().Del("Content-Disposition")
			http.Error(w, err.Error(), http.StatusBadRequest)
		default:
			panic(http.ErrAbortHandler)
		}
	}
}

// begins notes the first byte that goes out: until then an error can still be told.
type begins struct {
	io.Writer
	begun *bool
}

func (b begins) Write(p []byte) (int, error) {
	*b.begun = true
	return b.Writer.Write(p)
}

func writeCSV(to io.Writer, a *query.Result) error {
	w := csv.NewWriter(to)
	if err := w.Write(a.Columns()); err != nil {
		return err
	}
	line := make([]string, len(a.Columns()))
	for row, err := range a.Cells() {
		if err != nil {
			return err
		}
		for i, v := range row {
			line[i] = cli.Text(v)
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
