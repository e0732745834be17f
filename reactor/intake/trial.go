package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"millrace/reactor/silver"
)

const (
	// trialMemory is what a process that tries a suspect may take. Sound objects of any size need less than half of it.
	trialMemory = 512 << 20
	// trialTime and trialBytes bound its time: so long, and a second for each so many bytes.
	trialTime, trialBytes = time.Minute, 4 << 20
	// trialText is how much of what it says is kept.
	trialText = 64 << 10
	// datasetsVariable is where the process finds the datasets of the user's own.
	datasetsVariable = "MILLRACE_DATASETS"
	// trialFailed is the exit code of a process that failed otherwise than by the object; trialTooLarge of one that took too
	// much memory. A panic's is 2.
	trialFailed, trialTooLarge = 1, 3
)

// killed says that the process that tried an object died of it.
type killed struct{ how string }

func (k *killed) Error() string { return k.how }

// trial decodes suspects in a process of their own: `reactor decode`.
type trial struct {
	program func() (string, error)
	dir     string // for the object's bytes
}

// run decodes one object. The error is nil when the process survived, whatever it found, and killed when it did not.
func (t trial) run(ctx context.Context, d *silver.Dataset, src silver.Source, p silver.Payload) error {
	program, err := t.program()
	if err != nil {
		return fmt.Errorf("find the program that tries a suspect: %w", err)
	}
	body, size, err := t.spool(ctx, p)
	if err != nil {
		return fmt.Errorf("keep %s for a trial: %w", src.Key, err)
	}
	defer func() { _ = body.Close() }()
	request, err := json.Marshal(trialRequest{Dataset: d.Name, Source: src})
	if err != nil {
		return fmt.Errorf("ask for a trial of %s: %w", src.Key, err)
	}
	limit := trialTime + time.Duration(size/trialBytes)*time.Second
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	said := &beginning{}
	child := exec.CommandContext(timed, program, "decode")
	child.Env = []string{"GOTRACEBACK=none", datasetsVariable + "=" + os.Getenv(datasetsVariable)} // it needs no credentials above all
	child.Stdin, child.Stdout, child.Stderr = bytes.NewReader(request), said, said
	child.ExtraFiles = []*os.File{body}
	err = child.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case timed.Err() != nil:
		return &killed{fmt.Sprintf("it took more than %s", limit)}
	case errors.As(err, &exit) && exit.ExitCode() != trialFailed:
		return &killed{fmt.Sprintf("%v: %s", err, said.cause())}
	}
	if err != nil {
		return fmt.Errorf("try %s in a process of its own: %w: %s", src.Key, err, said.cause())
	}
	return nil
}

// spool puts an object's bytes into a file that has no name: nothing of it stays, however this ends.
func (t trial) spool(ctx context.Context, p silver.Payload) (*os.File, int64, error) {
	in, err := p.Open(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = in.Close() }()
	f, err := os.CreateTemp(t.dir, "trial-*")
	if err != nil {
		return nil, 0, err
	}
	err = os.Remove(f.Name())
	size, copied := io.Copy(f, in)
	if err = errors.Join(err, copied); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

// beginning keeps the first bytes of what is written.
type beginning struct{ text []byte }

func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), trialText-len(b.text))]...)
	return len(p), nil
}

// cause is the line that says what ended the process.
func (b *beginning) cause() string {
	last := "it said nothing"
	for line := range strings.Lines(string(b.text)) {
		line = strings.TrimSpace(line)
		for _, begin := range []string{"panic:", "fatal error:", "out of memory"} {
			if strings.HasPrefix(line, begin) {
				return line
			}
		}
		if line != "" {
			last = line
		}
	}
	return last
}

// trialRequest is what the process is asked.
type trialRequest struct {
	Dataset string        `json:"dataset"`
	Source  silver.Source `json:"source"`
}

// Try is the other side of a trial: it decodes the object in body, as the request says, and keeps nothing. It returns nil
// for an object that cannot be read as well: what counts is that the process lives.
func Try(ctx context.Context, request io.Reader, body *os.File, find func(dataset string) (*silver.Dataset, bool)) error {
	var asked trialRequest
	if err := json.NewDecoder(request).Decode(&asked); err != nil {
		return fmt.Errorf("read which object to try: %w", err)
	}
	d, ok := find(asked.Dataset)
	if !ok {
		return fmt.Errorf("try %s: there is no dataset %q", asked.Source.Key, asked.Dataset)
	}
	limitMemory(ctx)
	err := d.Decode(ctx, asked.Source, spooled{body}, nothing{})
	if errors.As(err, new(*silver.Unreadable)) {
		return nil
	}
	return err
}

// limitMemory ends the process when it takes too much. The system's limit, where it has one for data, ends it before it has;
// the watch is for the others.
func limitMemory(ctx context.Context) {
	debug.SetMemoryLimit(trialMemory / 2)
	limit := syscall.Rlimit{Cur: 2 * trialMemory, Max: 2 * trialMemory} // with threads' stacks and what Go keeps free
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &limit)                  // not everywhere
	go func() {
		used := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for ctx.Err() == nil {
			if metrics.Read(used); used[0].Value.Uint64() > trialMemory {
				fmt.Fprintf(os.Stderr, "out of memory: it took more than %d MiB\n", trialMemory>>20)
				os.Exit(trialTooLarge)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
}

// spooled is the payload of a trial.
type spooled struct{ file *os.File }

func (s spooled) Open(context.Context) (io.ReadCloser, error) {
	size, err := s.size()
	return io.NopCloser(io.NewSectionReader(s.file, 0, size)), err
}

func (s spooled) ReaderAt(context.Context) (io.ReaderAt, int64, func() error, error) {
	size, err := s.size()
	return s.file, size, func() error { return nil }, err
}

func (s spooled) size() (int64, error) {
	info, err := s.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("measure the object: %w", err)
	}
	return info.Size(), nil
}

// nothing is a sink that keeps nothing.
type nothing struct{}

func (nothing) Rows(arrow.RecordBatch) error     { return nil }
func (nothing) Rejected(arrow.RecordBatch) error { return nil }
