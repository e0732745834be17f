package coincap_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

var sweepAll = flag.Bool("sweep", false, "change every bit and every letter, in place of some of them")

// sweepVariable tells a copy of the test program which file to sweep, and from which change on.
const sweepVariable = "MILLRACE_SWEEP"

const (
	// sweepStep is how far apart the sampled changes are: a prime, so that all bits of a byte come up.
	sweepStep = 101
	// sweepLetters are the bytes that each byte becomes in the whole sweep, besides its own with one bit changed.
	sweepLetters = "\x00\x15\x7f\xffAB"
	// sweepMemory is what one small file may allocate, in all, whatever it claims.
	sweepMemory = 256 << 20
	// sweepTime is what one small file may take, on a machine that does other things as well.
	sweepTime = 10 * time.Second
)

// sweepFiles are small objects of all kinds.
func sweepFiles(t testing.TB) map[string][]byte {
	flat := func(options ...parquet.WriterProperty) []byte { return smallParquet(t, false, options...) }
	nested := func(options ...parquet.WriterProperty) []byte { return smallParquet(t, true, options...) }
	plain := parquet.WithDictionaryDefault(false)
	v2 := parquet.WithDataPageVersion(parquet.DataPageV2)
	packing := func(c compress.Compression) parquet.WriterProperty { return parquet.WithCompression(c) }
	return map[string][]byte{
		"flat.parquet":           flat(plain),
		"dictionary.parquet":     flat(),
		"nested.parquet":         nested(),
		"plain nested.parquet":   nested(plain),
		"v2.parquet":             flat(v2, plain),
		"v2 nested.parquet":      nested(v2),
		"delta.parquet":          flat(v2, plain, parquet.WithEncodingFor("timestamp", parquet.Encodings.DeltaBinaryPacked), parquet.WithEncodingFor("id", parquet.Encodings.DeltaByteArray), parquet.WithEncodingFor("priceUsd", parquet.Encodings.DeltaLengthByteArray)),
		"snappy.parquet":         flat(packing(compress.Codecs.Snappy)),
		"zstd nested.parquet":    nested(packing(compress.Codecs.Zstd), v2),
		"gzip.parquet":           flat(packing(compress.Codecs.Gzip)),
		"lz4.parquet":            flat(packing(compress.Codecs.Lz4Raw)),
		"brotli.parquet":         flat(packing(compress.Codecs.Brotli)),
		"groups.parquet":         nested(parquet.WithMaxRowGroupLength(1)),
		"index.parquet":          nested(parquet.WithPageIndexEnabled(true)),
		"pyarrow nested.parquet": pyarrow(t, "nested.parquet"),
		"pyarrow int96.parquet":  pyarrow(t, "int96.parquet"),
		"polars.parquet":         pyarrow(t, "polars.parquet"),
		"pyarrow sums.parquet":   pyarrow(t, "sums2.parquet"),
		"pyarrow flat.parquet":   pyarrow(t, "flat.parquet"),
		"x.json":                 []byte(assets(good, `{"id":"b","priceUsd":"2.5","tokens":{"1":["0x1"]}}`)),
		"x.json.gz":              []byte(packed(assets(good, `{"id":"b","priceUsd":"2.5","tokens":{"1":["0x1"]}}`))),
		"x.ndjson":               []byte(`{"id":"a",` + stamp + "}\n" + assets(good) + "\n"),
		"x.ndjson.gz":            []byte(packed(`{"id":"a",` + stamp + "}\n" + assets(good) + "\n")),
	}
}

// smallParquet are two rows of /assets.
func smallParquet(t testing.TB, nested bool, options ...parquet.WriterProperty) []byte {
	fields := []arrow.Field{{Name: "id", Type: arrow.BinaryTypes.String}, {Name: "timestamp", Type: arrow.PrimitiveTypes.Int64}, {Name: "priceUsd", Type: arrow.BinaryTypes.String}}
	if nested {
		fields = append(fields, arrow.Field{Name: "tokens", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.BinaryTypes.String))})
	} else {
		fields = append(fields, arrow.Field{Name: "supply", Type: arrow.PrimitiveTypes.Float64}, arrow.Field{Name: "rank", Type: arrow.PrimitiveTypes.Int32})
	}
	schema := schemaOf(fields...)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	rows := []string{`{"id":"a","timestamp":1795420799000,"priceUsd":"1"}`, `{"id":"b","timestamp":1795420799000,"priceUsd":"2.5"}`}
	if nested {
		rows[0] = strings.Replace(rows[0], "}", `,"tokens":[{"key":"1","value":["0x1","0x2"]}]}`, 1)
	} else {
		rows[0] = strings.Replace(rows[0], "}", `,"supply":3.5,"rank":1}`, 1)
	}
	for _, r := range rows {
		if err := b.UnmarshalJSON([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(options...), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(b.NewRecordBatch()), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// change makes the n-th change of a body; false says that there are no more. First come all bits, then all letters.
func change(body []byte, n int) ([]byte, bool) {
	b := bytes.Clone(body)
	if n < 8*len(b) {
		b[n/8] ^= 1 << (n % 8)
		return b, true
	}
	if n -= 8 * len(b); !*sweepAll || n >= len(b)*len(sweepLetters) {
		return nil, false
	}
	b[n/len(sweepLetters)] = sweepLetters[n%len(sweepLetters)]
	return b, true
}

// A file with one bit changed becomes rows or is unreadable. It does not end the process, allocates no more than the
// whole file could need, and never counts as a failure of the store. The changes are tried in processes of their own: a
// panic in a goroutine of a library ends its process, and no recover sees it.
func TestOneChangedBitEndsNothing(t *testing.T) {
	for name, body := range sweepFiles(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, name), body); err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			sweepInChild(t, name, len(body))
		})
	}
}

// sweepInChild runs the copy of the test program that sweeps one file, and starts it again behind each change that ends it.
func sweepInChild(t *testing.T, name string, size int) {
	for from, deaths := 0, 0; ; deaths++ {
		args := []string{"-test.run=^TestSweepOfOneFile$", "-test.v"}
		if *sweepAll {
			args = append(args, "-sweep")
		}
		child := exec.Command(os.Args[0], args...)
		child.Env = append(os.Environ(), sweepVariable+"="+strconv.Itoa(from)+":"+name)
		out, err := child.CombinedOutput()
		if err == nil {
			return
		}
		last := -1
		for line := range strings.Lines(string(out)) {
			if n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "change "))); err == nil {
				last = n
			}
		}
		_, out, _ = bytes.Cut(out, fmt.Appendf(nil, "change %d\n", last))
		t.Errorf("change %d of %d bytes: %v\n%.2000s", last, size, err, out)
		if from = last + 1; last < 0 || deaths == 5 {
			return
		}
	}
}

// TestSweepOfOneFile is what sweepInChild runs; by itself it has nothing to do.
func TestSweepOfOneFile(t *testing.T) {
	first, name, ok := strings.Cut(os.Getenv(sweepVariable), ":")
	if !ok {
		return
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	body := sweepFiles(t)[name]
	step := sweepStep
	if *sweepAll {
		step = 1
	}
	debug.SetMemoryLimit(sweepMemory)
	for n := from - from%step; ; n += step {
		if n < from {
			continue
		}
		b, more := change(body, n)
		if !more {
			return
		}
		fmt.Fprintf(os.Stderr, "change %d\n", n) // before: what ends the process leaves no time
		if err := sweepOne(name, b); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// sweepOne decodes one changed file.
func sweepOne(name string, body []byte) error {
	began := time.Now()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := coincap.Assets.Decode(context.Background(), silvertest.Source(coincap.Assets, name), silvertest.Bytes(body), &silvertest.Discard{})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > sweepMemory {
		return fmt.Errorf("it allocated %d MiB: %w", n>>20, err)
	}
	if d := time.Since(began); d > sweepTime {
		return fmt.Errorf("it took %s: %w", d, err)
	}
	var u *silver.Unreadable
	if err != nil && !errors.As(err, &u) {
		return fmt.Errorf("it counts as a failure of the store: %w", err)
	}
	return nil
}
