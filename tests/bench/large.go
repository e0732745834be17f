package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/minio/minio-go/v7"

	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap/market"
)

// large is (d): the history of one coin by the minute, or finer, over years, in one object. The rate counts from the end of the put
// to the silver commit: before that, nobody is told of the object.
var large = scenario{
	letter: "d", about: "one object of 2,000,000 history rows: ndjson, ndjson.gz and Parquet", promises: true,
	run: func(ctx context.Context, b *bench) (err error) {
		l, err := b.open(ctx, true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		n := b.size(b.Rows, 50_000)
		for i, coin := range b.coins(len(b.Forms)) {
			if err := l.large(ctx, form{b.Forms[i], forms[b.Forms[i]]}, coin, n); err != nil {
				return err
			}
		}
		var figures []string
		for _, ext := range b.Forms {
			figures = append(figures, "large-"+ext)
		}
		if err := b.report.complete(scenario{figures: figures}); err != nil {
			return err
		}
		return l.verify(ctx, map[string]int{
			"select count(*) from silver.asset_prices where interval = 'm1'": n * len(b.Forms),
			"select count(distinct asset_id) from silver.asset_prices":       len(b.Forms),
			"select sum(n_samples) from gold.daily_summary":                  n * len(b.Forms),
		})
	},
}

// forms are those in which a large object can hold its rows, by extension.
var forms = map[string]func(io.Writer) (sink, error){bronze.NDJSON: plain, bronze.NDJSONGzip: zipped, bronze.Parquet: columnar}

// minutesThereAre is how many points by the minute every coin of the market has.
const minutesThereAre = 4_000_000

// apart is the time between the points of a large object: a minute, or a tenth of it where there are not as many minutes. The interval is m1
// either way, because CoinCap has no finer one.
func apart(n int) time.Duration {
	if n > minutesThereAre {
		return time.Minute / 10
	}
	return time.Minute
}

// form says how an object holds its rows.
type form struct {
	ext  string
	open func(io.Writer) (sink, error)
}

// sink takes points and ends the object.
type sink interface {
	add([]market.Point) error
	close() error
}

func (l *lakehouse) large(ctx context.Context, f form, coin string, n int) error {
	b := l.bench
	file := filepath.Join(b.dir, "large."+f.ext)
	if err := b.minutes(file, f, coin, n); err != nil {
		return err
	}
	defer func() { _ = os.Remove(file) }() // with the run's folder at the latest
	key := below(history) + "ingest_date=" + bronze.DayOf(b.now).String() + "/" + coin + "_m1_large." + f.ext
	done, err := l.watch(ctx, f.ext)
	if err != nil {
		return err
	}
	if _, err := l.client.FPutObject(ctx, bucket, key, file, minio.PutObjectOptions{UserMetadata: historyMeta(coin, "m1")}); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	stored := time.Now()
	p, err := l.await(ctx, key, 1)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	name := fmt.Sprintf("one %s of %d rows", f.ext, n)
	b.add(
		single("large-"+f.ext, name+" → silver", "rows/s", float64(n)/p.LastSilver.Sub(stored).Seconds(), b.full(least(250_000))...),
		single("large-"+f.ext+"-gold", name+" → gold", "s", p.LastGold.Sub(stored).Seconds()),
		single("large-"+f.ext+"-memory", name+", reactor's peak memory", "MB", b.peak(f.ext), most(300)...),
	)
	return nil
}

// peak finds the reactor's peak memory in a part of this scenario.
func (b *bench) peak(part string) float64 {
	for _, u := range b.report.Resources {
		if u.Scenario == b.letter && u.Part == part && u.Process == "reactor" {
			return u.PeakRSSMB
		}
	}
	return 0
}

// minutes writes exactly n points of a coin. The market has holes, so the beginning is some days early.
func (b *bench) minutes(file string, f form, coin string, n int) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write a large object: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 1<<20)
	s, err := f.open(w)
	if err != nil {
		return fmt.Errorf("write a large object: %w", err)
	}
	const step = 30 * 24 * time.Hour
	every := apart(n)
	for at := bronze.DayOf(b.now).Start().AddDate(0, 0, -n/int(24*time.Hour/every)-60); n > 0 && at.Before(b.now); at = at.Add(step) {
		points, ok := b.market.History(coin, every, at, at.Add(step-1), b.now)
		if !ok {
			return fmt.Errorf("make a history of %s: there is no such coin", coin)
		}
		points = points[:min(n, len(points))]
		n -= len(points)
		if err := s.add(points); err != nil {
			return fmt.Errorf("write a large object: %w", err)
		}
	}
	if err := errors.Join(s.close(), w.Flush()); err != nil {
		return fmt.Errorf("write a large object: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("make a history of %s: %d points are missing", coin, n)
	}
	return nil
}

type lines struct {
	encoder *json.Encoder
	end     func() error
}

func (l lines) add(points []market.Point) error {
	for _, p := range points {
		if err := l.encoder.Encode(p); err != nil {
			return err
		}
	}
	return nil
}

func (l lines) close() error { return l.end() }

func plain(w io.Writer) (sink, error) {
	return lines{json.NewEncoder(w), func() error { return nil }}, nil
}

func zipped(w io.Writer) (sink, error) {
	z := gzip.NewWriter(w)
	return lines{json.NewEncoder(z), z.Close}, nil
}

// table is Parquet with the API's own names and texts.
type table struct {
	writer  *pqarrow.FileWriter
	builder *array.RecordBuilder
}

func columnar(w io.Writer) (sink, error) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "priceUsd", Type: arrow.BinaryTypes.String},
		{Name: "time", Type: arrow.PrimitiveTypes.Int64},
		{Name: "circulatingSupply", Type: arrow.BinaryTypes.String},
		{Name: "date", Type: arrow.BinaryTypes.String},
	}, nil)
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(100_000), parquet.WithDictionaryDefault(false))
	writer, err := pqarrow.NewFileWriter(schema, w, properties, pqarrow.DefaultWriterProps())
	return &table{writer, array.NewRecordBuilder(memory.DefaultAllocator, schema)}, err
}

func (t *table) add(points []market.Point) error {
	for _, p := range points {
		t.builder.Field(0).(*array.StringBuilder).Append(p.PriceUsd)
		t.builder.Field(1).(*array.Int64Builder).Append(p.Time)
		t.builder.Field(2).(*array.StringBuilder).Append(p.CirculatingSupply)
		t.builder.Field(3).(*array.StringBuilder).Append(p.Date)
	}
	batch := t.builder.NewRecordBatch()
	defer batch.Release()
	return t.writer.WriteBuffered(batch)
}

func (t *table) close() error { return t.writer.Close() }
