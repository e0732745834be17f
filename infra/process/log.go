package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	logLimit  = 16 << 20 // a log past this size is set aside at the next start, the one before it is dropped
	tailBytes = 8 << 10
	tailLines = 15
)

// logMark is the length a log had when a life of the child began.
type logMark int64

// openLog opens a log to add to, mode 0600: MinIO prints its root user.
func openLog(path string) (*os.File, logMark, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, 0, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, logMark(size), nil
}

// tail quotes the last lines that were logged since the mark, for an error that is of no use without them.
func (m logMark) tail(path string) string {
	text, err := m.read(path)
	if err != nil {
		return fmt.Sprintf("; its log %s cannot be read: %v", path, err)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return fmt.Sprintf("; it logged nothing to %s", path)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return fmt.Sprintf("; the end of its log %s:\n  %s", path, strings.Join(lines, "\n  "))
}

func (m logMark) read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	from := max(int64(m), info.Size()-tailBytes)
	return io.ReadAll(io.NewSectionReader(file, from, tailBytes))
}
