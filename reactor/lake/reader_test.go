package lake

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/uptrace/bun"
)

// read reads all that a catalog holds as `reactor query` and its like do, tries to write, and says what came of it.
func read(t *testing.T, address string) string {
	t.Helper()
	c, err := openCatalog(t.Context(), address)
	if err != nil {
		return "not opened: " + err.Error()
	}
	defer func() { _ = c.db.Close() }()
	l := &Lake{catalog: c}
	entries, tables, step := 0, 0, int64(0)
	err = errors.Join(
		l.Entries(t.Context(), func(Entry) error { entries++; return nil }),
		c.read(t.Context(), func(tx bun.Tx) error {
			all, errTables := pointers(t.Context(), tx)
			p, errPins := pins(t.Context(), tx)
			tables, step = len(all), p.Step
			return errors.Join(errTables, errPins)
		}))
	if err != nil {
		return "not read: " + err.Error()
	}
	return fmt.Sprintf("%d entries, %d tables, step %d, written %v", entries, tables, step, !errors.Is(l.Record(t.Context(), Entry{EventID: "new"}), ErrReadOnly))
}

const allRead = "3 entries, 2 tables, step 2, written false"

var notCurrent = fmt.Sprintf("the catalog's tables have version 0, and this program needs version %d: open the lake once as a user who may change them", len(migrations))

// readerOf makes the process of TestReaderProcess read a catalog.
const readerOf = "LAKE_TEST_READER_OF"

// TestReaderProcess is what a process of its own runs for asReader.
func TestReaderProcess(t *testing.T) {
	if address := os.Getenv(readerOf); address != "" {
		fmt.Println("reader:", read(t, address))
	}
}

// asReader reads a catalog's file in a process that has no more rights than the file's mode gives, which root would have.
func asReader(t *testing.T, file string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	attributes := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		attributes.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		program = copied(t, program, filepath.Join(public(t), "reader"))
	}
	command := exec.CommandContext(t.Context(), program, "-test.run", "^TestReaderProcess$")
	command.SysProcAttr, command.Dir, command.Env = attributes, "/", append(os.Environ(), readerOf+"=sqlite://"+file)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, said, _ := strings.Cut(string(out), "reader: ")
	said, _, _ = strings.Cut(said, "\n")
	return said
}

// public is a folder that everybody can enter, as t.TempDir is not.
func public(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "millrace-lake-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(os.Chmod(folder, 0o700), os.RemoveAll(folder)) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func copied(t *testing.T, from, to string) string {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); errors.Join(err, target.Close()) != nil {
		t.Fatal(err)
	}
	return to
}

func listing(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// current makes the file of an old catalog and migrates it; the catalog is still open.
func current(t *testing.T, file string) *catalog {
	t.Helper()
	old(t, "sqlite://"+file)
	return opened(t, "sqlite://"+file)
}

func TestAReadOnlyFileIsReadAndNotWritten(t *testing.T) {
	for name, test := range map[string]struct {
		live, old         bool
		fileMode, dirMode os.FileMode
		want              string
	}{
		"a file that cannot be written":               {fileMode: 0o444, dirMode: 0o777, want: allRead},
		"a folder that cannot be written":             {fileMode: 0o444, dirMode: 0o555, want: allRead},
		"a file that another process writes":          {live: true, fileMode: 0o444, dirMode: 0o777, want: allRead},
		"a folder in which another process writes":    {live: true, fileMode: 0o444, dirMode: 0o555, want: allRead},
		"a catalog that would have to be migrated":    {old: true, fileMode: 0o444, dirMode: 0o777, want: notCurrent},
		"the same in a folder that cannot be written": {old: true, fileMode: 0o444, dirMode: 0o555, want: notCurrent},
	} {
		t.Run(name, func(t *testing.T) {
			folder := public(t)
			file := filepath.Join(folder, "catalog.db")
			if test.old {
				old(t, "sqlite://"+file)
			} else if c := current(t, file); !test.live {
				if err := c.db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			before := listing(t, folder)
			if test.live && len(before) != 3 {
				t.Fatalf("the catalog is open, and its folder has %v", before)
			}
			for _, name := range before {
				if err := os.Chmod(filepath.Join(folder, name), test.fileMode); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(folder, test.dirMode); err != nil {
				t.Fatal(err)
			}
			if said := asReader(t, file); !strings.Contains(said, test.want) {
				t.Errorf("%q, want %q", said, test.want)
			}
			if after := listing(t, folder); !slices.Equal(after, before) {
				t.Errorf("reading made files: %v, there were %v", after, before)
			}
		})
	}
}

// What an analyst is given may stand in a file that its user could write.
func TestAnAddressForReadingIsReadAndNotWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's 50% #1.db")
	address := "sqlite:///file:" + (&url.URL{Path: file}).EscapedPath() + "?mode=ro&uri=true"
	if said := read(t, address); !strings.Contains(said, "there is no catalog") {
		t.Errorf("of no file: %q", said)
	}
	c := current(t, file)
	for _, live := range []bool{true, false} {
		if !live {
			if err := c.db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		before := listing(t, filepath.Dir(file))
		if said := read(t, address); !strings.Contains(said, allRead) {
			t.Errorf("with a writer %v: %q, want %q", live, said, allRead)
		}
		if after := listing(t, filepath.Dir(file)); !slices.Equal(after, before) {
			t.Errorf("reading made files: %v, there were %v", after, before)
		}
	}
}

func TestAFolderThatCannotBeWrittenHasNoCatalog(t *testing.T) {
	if said := asReader(t, filepath.Join(public(t), "not-there", "catalog.db")); !strings.Contains(said, "there is no catalog") {
		t.Errorf("%q", said)
	}
}

// SQLite does not lock a file that it takes for frozen, so what it read while another process wrote is not to be trusted.
func TestAFrozenFileThatIsWrittenIsNotedAtTheRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.db")
	if err := current(t, file).db.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := findFile(file, false)
	if err != nil {
		t.Fatal(err)
	}
	f.access = frozen
	db := f.open(f.options())
	defer func() { _ = db.Close() }()
	reader := &Lake{catalog: &catalog{db: db, file: f}}
	if _, err := reader.catalog.version(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothing := func(bun.Tx) error { return nil }
	if err := reader.catalog.read(t.Context(), nothing); err != nil {
		t.Errorf("nobody writes: %v", err)
	}
	writer := opened(t, "sqlite://"+file)
	if err := reader.catalog.read(t.Context(), nothing); err == nil || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("a writer is at work: %v", err)
	}
	if err := (&Lake{catalog: writer}).Record(t.Context(), Entry{EventID: "new"}); err != nil {
		t.Fatal(err)
	}
	if err := writer.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reader.catalog.read(t.Context(), nothing); err == nil || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("a writer was at work: %v", err)
	}
}
