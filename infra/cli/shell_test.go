package cli

import (
	"os/exec"
	"strings"
	"testing"
)

func TestAShellReadsBackTheWordsOfALine(t *testing.T) {
	words := []string{"plain", "two words", "it's", `$(echo broken)`, "`echo broken`", "a;b", "", "*", "~", "new\nline", `back\slash`, "<img src=x>", "-flag"}
	out, err := exec.Command("sh", "-c", ShellLine(append([]string{"printf", `%s\0`}, words...)...)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out), strings.Join(words, "\x00")+"\x00"; got != want {
		t.Errorf("the shell read %q, want %q", got, want)
	}
}
