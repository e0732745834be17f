package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a terminal of that many columns; what is written to the second file is read from the first.
func terminal(t *testing.T, columns uint16) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return screen, tty
}

func TestATerminalGetsATableThatFitsIt(t *testing.T) {
	for _, tt := range []struct {
		columns string // the variable
		width   uint16
		want    string
	}{
		{"", 80, "│ put     │ bronze/a b.json │"},
		{"", 20, "key      bronze/a"},
		{"20", 80, "key      bronze/a"},
	} {
		t.Run(fmt.Sprint(tt.columns, "of", tt.width), func(t *testing.T) {
			t.Setenv("COLUMNS", tt.columns)
			screen, tty := terminal(t, tt.width)
			var stderr bytes.Buffer
			p := program{app: &landApp{}, name: "test", description: "Tests.", stdout: tty, stderr: &stderr}
			if code := p.run(context.Background(), []string{"land"}); code != 0 {
				t.Fatalf("exit code %d: %s", code, &stderr)
			}
			if _, err := tty.WriteString("the end\n"); err != nil {
				t.Fatal(err)
			}
			var shown strings.Builder
			for lines := bufio.NewScanner(screen); lines.Scan() && !strings.HasPrefix(lines.Text(), "the end"); {
				shown.WriteString(lines.Text() + "\n")
			}
			if !strings.Contains(shown.String(), tt.want) {
				t.Errorf("the terminal shows:\n%swant %q", &shown, tt.want)
			}
		})
	}
}
