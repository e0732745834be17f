package layout

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var writeThirdParty = flag.Bool("third-party", false, "write THIRD_PARTY.md anew")

const thirdPartyFile = "../../THIRD_PARTY.md"

const thirdPartyHead = `# Third-party software

millrace is under the Apache License 2.0. Its programs ` + "`ingestor`, `reactor` and `stack`" + ` link what this table names, in the
versions of go.mod, and ` + "`reactor`" + ` holds the scripts of its console, in the versions of their package-lock.json. ` + "`go tool task third-party`" + ` writes the table from
the licence files of the modules, and for scripts from what the lock says. A test in tests/layout holds it to what is linked, and fails on a
licence that Apache-2.0 software may not link.

- Where a row names several licences, each is that of a part of it, and all of them hold.
- MPL-2.0 asks for the source of its own files. They are linked as published, so the module's own page has it.
- The systems' C and C++ libraries (libc, libm, libstdc++) are loaded when a program starts. They are not part of it.
- MinIO is AGPL-3.0. It is not linked: the stack builds it from its published source and runs it as a program of its own.
- "blessing" is SQLite's own word for the public domain.
- What only tests and tasks use is not listed.

| what | version | licence |
|---|---|---|
`

// holdThirdParty compares the table of THIRD_PARTY.md with what is linked, or writes it.
func holdThirdParty(t *testing.T, linked []component) {
	t.Helper()
	want := bytes.NewBufferString(thirdPartyHead)
	for _, c := range linked {
		fmt.Fprintf(want, "| %s | %s | %s |\n", c.name, c.version, strings.Join(c.licences, ", "))
	}
	if *writeThirdParty {
		if err := os.WriteFile(thirdPartyFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(thirdPartyFile)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want.Bytes()) {
		return
	}
	for line := range strings.Lines(want.String()) {
		if !bytes.Contains(got, []byte(line)) {
			t.Errorf("THIRD_PARTY.md lacks the line %q", line)
		}
	}
	t.Error("THIRD_PARTY.md is not what the programs link: run `go tool task third-party`")
}

// duckDBVersion begins the version of the module whose parts are listed below: it is DuckDB 1.5.
const duckDBVersion = "v0.105"

// duckDBParts are the libraries of others inside DuckDB's static library. The module does not carry their licences; these are
// from DuckDB's source, version 1.5.5: third_party/*/LICENSE and extension/icu/third_party/icu/LICENSE. archive is the file of
// the module that holds that part alone. mbedTLS is under Apache-2.0 or GPL-2.0, whichever one chooses; millrace chose.
var duckDBParts = []struct{ name, licence, archive string }{
	{"brotli", "MIT", ""},
	{"concurrentqueue", "BSD-2-Clause, Zlib", ""},
	{"fast_float", "MIT", ""},
	{"FastPFor", "Apache-2.0", "libduckdb_fastpforlib.a"},
	{"fmt", "MIT", "libduckdb_fmt.a"},
	{"FSST", "MIT", "libduckdb_fsst.a"},
	{"cpp-httplib", "MIT", ""},
	{"HyperLogLog", "MIT", "libduckdb_hyperloglog.a"},
	{"ICU", "BSD-2-Clause, BSD-3-Clause, ICU", "libicu_extension.a"},
	{"jaro_winkler", "MIT", ""},
	{"jemalloc", "BSD-2-Clause", "libduckdb_jemalloc.a"},
	{"libpg_query", "BSD-3-Clause", "libduckdb_pg_query.a"},
	{"LZ4", "BSD-2-Clause", ""},
	{"mbedTLS", "Apache-2.0", "libduckdb_mbedtls.a"},
	{"miniz", "MIT", "libduckdb_miniz.a"},
	{"Parquet's definitions", "Apache-2.0", ""},
	{"PCG", "MIT", ""},
	{"pdqsort", "Zlib", ""},
	{"RE2", "BSD-3-Clause", "libduckdb_re2.a"},
	{"ska_sort", "BSL-1.0", ""},
	{"HeadOfTheLine skip list", "MIT", "libduckdb_skiplistlib.a"},
	{"Snappy", "BSD-3-Clause", ""},
	{"t-digest", "Apache-2.0", ""},
	{"Thrift", "Apache-2.0", ""},
	{"utf8proc", "MIT", "libduckdb_utf8proc.a"},
	{"vergesort", "MIT", ""},
	{"yyjson", "MIT", "libduckdb_yyjson.a"},
	{"zstd", "BSD-3-Clause", "libduckdb_zstd.a"},
}

// duckDBOwn are the archives of DuckDB's own code.
var duckDBOwn = []string{
	"libautocomplete_extension.a", "libcore_functions_extension.a", "libduckdb_generated_extension_loader.a", "libduckdb_static.a",
	"libjson_extension.a", "libparquet_extension.a",
}

// duckDBUnused are archives that the linker is given and takes nothing from, because nothing refers to their one entry, named
// here. They generate the data of the TPC's benchmarks, under an agreement of the TPC's that would go on to hold in whatever they are part of.
var duckDBUnused = map[string]string{"libtpch_extension.a": "TpchExtension", "libtpcds_extension.a": "TpcdsExtension"}

// duckDB lists the parts of DuckDB's static library. A file of it that is not known, or that now refers to an unused one, fails the test.
func duckDB(t *testing.T, m linkedModule) []component {
	t.Helper()
	if !strings.HasPrefix(m.version, duckDBVersion) {
		t.Errorf("%s is at %s: read the licences of what is in that DuckDB, and bring duckDBParts up to date", m.name, m.version)
	}
	archives, err := filepath.Glob(filepath.Join(m.dir, "*.a"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("find DuckDB's static library in %s: %v", m.dir, err)
	}
	known := slices.Clone(duckDBOwn)
	var parts []component
	for _, part := range duckDBParts {
		known = append(known, part.archive)
		licences := strings.Split(part.licence, ", ")
		for _, id := range licences {
			if !slices.Contains(linkable, id) {
				t.Errorf("%s, in DuckDB: Apache-2.0 software may not link %s", part.name, id)
			}
		}
		parts = append(parts, component{part.name, "in DuckDB 1.5", licences})
	}
	for _, archive := range archives {
		name := filepath.Base(archive)
		if _, unused := duckDBUnused[name]; unused {
			continue
		}
		if !slices.Contains(known, name) {
			t.Errorf("DuckDB has a new part %s: read its licence and add it to duckDBParts", name)
		}
		text, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		for library, symbol := range duckDBUnused {
			if bytes.Contains(text, []byte(symbol)) {
				t.Errorf("DuckDB's %s refers to %s of %s, which may not be linked", name, symbol, library)
			}
		}
	}
	return parts
}

// sqlite reads the licence and the version of SQLite at the head of its one file, which its Go module carries.
func sqlite(t *testing.T, m linkedModule) component {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "sqlite3-binding.c"))
	if err != nil {
		t.Fatalf("read SQLite's licence: %v", err)
	}
	head := regexp.MustCompile(`(?s)version (3\.[0-9.]+[0-9])\..*?Begin file sqliteInt\.h.*?/\*(.*?)\*{10}`).FindSubmatch(text)
	if head == nil {
		t.Fatal("the head of sqlite3-binding.c is not as it was: find SQLite's version and licence in it")
	}
	ids, err := classify(bytes.ReplaceAll(head[2], []byte("**"), nil))
	if err != nil {
		t.Errorf("SQLite: %v in %s", err, head[2])
	}
	return component{"SQLite", string(head[1]) + ", in go-sqlite3", ids}
}
