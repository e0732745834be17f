package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAHomeThatIsNotTheFoldersOwnIsNamed(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	home := filepath.Join(first, ".millrace")
	for _, dir := range []string{home, filepath.Join(second, ".millrace")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		at          string
		variable    string
		args        []string
		home        string
		notice, env bool
	}{
		{"nothing is exported", second, "", nil, ".millrace", false, false},
		{"in the first checkout", first, home, nil, home, false, false},
		{"in the first checkout, by a link", first, link, nil, link, false, false},
		{"in another checkout that has a lakehouse", second, home, nil, home, true, true},
		{"in another checkout that has none yet", t.TempDir(), home, nil, home, false, true},
		{"the flag names it", second, home, []string{"env", "--home", home}, home, false, false},
		{"the flag names it, in one word", second, home, []string{"env", "--home=" + home}, home, false, false},
		{"a home that is gone", second, filepath.Join(first, "gone"), nil, filepath.Join(first, "gone"), true, true},
		{"an absolute name of the own", second, filepath.Join(second, ".millrace"), nil, filepath.Join(second, ".millrace"), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(tt.at)
			t.Setenv("MILLRACE_HOME", tt.variable)
			args := os.Args
			defer func() { os.Args = args }()
			os.Args = append([]string{"program"}, tt.args...)
			h := Home{Home: tt.home}
			if got := h.Notice(); (got != "") != tt.notice {
				t.Errorf("the notice is %q", got)
			}
			got := h.Foreign()
			if (got != "") != tt.env || got != "" && (!strings.Contains(got, tt.home) || !strings.Contains(got, tt.at)) {
				t.Errorf("the home that answers: %q", got)
			}
		})
	}
}
