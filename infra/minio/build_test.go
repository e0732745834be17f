package minio

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestBuildLeavesAnExistingProgramAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minio")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "") // neither Go nor the network is needed
	if err := Build(t.Context(), path, func(int, int) { t.Error("something was compiled") }); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "#!/bin/sh\n" {
		t.Errorf("the program is now %q, %v", text, err)
	}
}

func TestBuildWithoutGoSaysSo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", "")
	err := Build(t.Context(), filepath.Join(dir, "minio"), func(int, int) {})
	if err == nil || !strings.Contains(err.Error(), "not on the PATH") {
		t.Errorf("error is %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*build*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFollowCountsPackagesAndKeepsErrors(t *testing.T) {
	out := "go: downloading github.com/minio/minio v0.0.0\ninternal/goarch\ngithub.com/minio/minio\n# github.com/minio/minio/cmd\ncmd/x.go:1:2: undefined: y\n"
	var counts []int
	said := follow(strings.NewReader(out), func(compiled, total int) {
		counts = append(counts, compiled)
		if total < compiled {
			t.Errorf("%d of %d", compiled, total)
		}
	})
	if !slices.Equal(counts, []int{1, 2}) {
		t.Errorf("counted %v", counts)
	}
	if want := []string{"# github.com/minio/minio/cmd", "cmd/x.go:1:2: undefined: y"}; !slices.Equal(said, want) {
		t.Errorf("kept %q, want %q", said, want)
	}
}

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	program, text := filepath.Join(dir, "minio"), filepath.Join(dir, "text")
	for path, mode := range map[string]os.FileMode{program: 0o755, text: 0o644} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, asked, beside string
		path                string
		build               bool
		err                 string
	}{
		{"asked for", program, "elsewhere", program, false, ""},
		{"beside", "", program, program, false, ""},
		{"to build", "", filepath.Join(dir, "absent"), filepath.Join(dir, "absent"), true, ""},
		{"absent", filepath.Join(dir, "absent"), program, "", false, "does not exist"},
		{"no program", text, program, "", false, "not an executable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, build, err := Locate(tt.asked, tt.beside)
			if path != tt.path || build != tt.build {
				t.Errorf("got %s, build %v", path, build)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error is %v, want %q", err, tt.err)
			}
		})
	}
}
