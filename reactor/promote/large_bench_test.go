package promote_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/minio"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap/market"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// BenchmarkLarge takes one object by the minute into silver and into gold, in this process, and a second one of another coin on the same
// days. The CPU seconds of each part count: they hardly change while the machine is busy.
func BenchmarkLarge(b *testing.B) {
	const n = 500_000
	for _, ext := range []string{bronze.NDJSON, bronze.Parquet} {
		b.Run(ext, func(b *testing.B) {
			for range b.N {
				takeLarge(b, ext, n)
			}
		})
	}
}

func takeLarge(b *testing.B, ext string, n int) {
	ctx := b.Context()
	client := store(b)
	if err := minio.EnsureBucket(ctx, client, "large"); err != nil {
		b.Fatal(err)
	}
	l, err := lake.Open(ctx, client, "large", "sqlite://"+b.TempDir()+"/catalog.db")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	db, err := duck.Open(duck.Config{MemoryLimit: "112MiB", TempDir: b.TempDir(), Threads: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	definitions, _ := tables.OfSilver()
	if err := l.Create(ctx, definitions...); err != nil {
		b.Fatal(err)
	}
	cfg := promote.Config{Lake: l, Client: client, DB: db, Cache: rows.New(l)}
	all := datasets.All()
	p, err := promote.NewSilver(cfg, all[slices.IndexFunc(all, func(d *silver.Dataset) bool { return d.Name == "coincap/history" })])
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if err := p.Prepare(ctx); err != nil {
		b.Fatal(err)
	}
	inputs, err := tables.Inputs()
	if err != nil {
		b.Fatal(err)
	}
	set, err := gold.Load(ctx, inputs, "")
	if err != nil {
		b.Fatal(err)
	}
	g, err := promote.NewGold(cfg, set)
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	if err := l.Create(ctx, g.Tables()...); err != nil {
		b.Fatal(err)
	}
	for i, coin := range []string{"bitcoin", "ethereum"} {
		d := putLarge(b, client, coin, ext, n)
		at := cpuSeconds(b)
		began := time.Now()
		if err := p.Handle(ctx, []event.Delivery{d})[0]; err != nil {
			b.Fatal(err)
		}
		silverCPU, silverTime := cpuSeconds(b)-at, time.Since(began).Seconds()
		at, began = cpuSeconds(b), time.Now()
		if err := g.Bring(ctx); err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprint(i+1, "-")
		b.ReportMetric(silverCPU, name+"silver-cpu-s")
		b.ReportMetric(silverTime, name+"silver-s")
		b.ReportMetric(cpuSeconds(b)-at, name+"gold-cpu-s")
		b.ReportMetric(time.Since(began).Seconds(), name+"gold-s")
	}
}

func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func putLarge(b *testing.B, client *s3.Client, coin, ext string, n int) event.Delivery {
	m, err := market.New(1)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	const step = 30 * 24 * time.Hour
	var points []market.Point
	for at := now.AddDate(0, 0, -n/(24*60)-60); len(points) < n; at = at.Add(step) {
		more, _ := m.History(coin, time.Minute, at, at.Add(step-1), now)
		points = append(points, more[:min(n-len(points), len(more))]...)
	}
	body := &bytes.Buffer{}
	if ext == bronze.Parquet {
		parquetOf(b, body, points)
	} else {
		e := json.NewEncoder(body)
		for _, p := range points {
			_ = e.Encode(p) // into memory
		}
	}
	key := "bronze/coincap/history/ingest_date=2026-11-01/" + coin + "_m1_large." + ext
	info, err := client.PutObject(b.Context(), "large", key, body, int64(body.Len()), s3.PutObjectOptions{})
	if err != nil {
		b.Fatal(err)
	}
	stat, err := client.StatObject(b.Context(), "large", key, s3.StatObjectOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return event.Delivery{Attempt: 1, Object: event.Object{
		Bucket: "large", Key: key, Version: info.VersionID, ETag: info.ETag, Size: info.Size, ModifiedAt: stat.LastModified.UTC(),
	}}
}

func parquetOf(b *testing.B, body *bytes.Buffer, points []market.Point) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "priceUsd", Type: arrow.BinaryTypes.String}, {Name: "time", Type: arrow.PrimitiveTypes.Int64},
		{Name: "circulatingSupply", Type: arrow.BinaryTypes.String}, {Name: "date", Type: arrow.BinaryTypes.String},
	}, nil)
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(100_000), parquet.WithDictionaryDefault(false))
	w, err := pqarrow.NewFileWriter(schema, body, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		b.Fatal(err)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for _, p := range points {
		builder.Field(0).(*array.StringBuilder).Append(p.PriceUsd)
		builder.Field(1).(*array.Int64Builder).Append(p.Time)
		builder.Field(2).(*array.StringBuilder).Append(p.CirculatingSupply)
		builder.Field(3).(*array.StringBuilder).Append(p.Date)
	}
	batch := builder.NewRecordBatch()
	defer batch.Release()
	if err := w.WriteBuffered(batch); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
