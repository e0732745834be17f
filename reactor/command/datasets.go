package command

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"millrace/reactor/silver/datasets"
)

// datasetsVariable names the folder of own datasets to the process that tries an object, too.
const datasetsVariable = "MILLRACE_DATASETS"

// datasetFlags say which datasets there are beside millrace's own.
type datasetFlags struct {
	Datasets string `env:"MILLRACE_DATASETS" type:"path" placeholder:"DIR" help:"Folder of own datasets: <source>/<dataset>.yaml."`
}

// AfterApply reads the folder before a command begins: no part of the program may see other datasets than another. A command
// that is there to mend a file does not need the folder to be sound.
func (f *datasetFlags) AfterApply(ctx *kong.Context) error {
	if f.Datasets == "" || strings.HasPrefix(ctx.Command(), "dataset check") || strings.HasPrefix(ctx.Command(), "dataset try") || strings.HasPrefix(ctx.Command(), "dataset infer") {
		return nil
	}
	folder, err := filepath.Abs(f.Datasets)
	if err != nil {
		return fmt.Errorf("find the folder of datasets: %w", err)
	}
	if info, err := os.Stat(folder); err != nil {
		return fmt.Errorf("find the folder of datasets: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("find the folder of datasets: %s is no folder; it holds <source>/<dataset>.yaml", f.Datasets)
	}
	if err := datasets.Use(os.DirFS(folder)); err != nil {
		return fmt.Errorf("the datasets of %s:\n%w\ntry a file with `reactor dataset check`", f.Datasets, err)
	}
	// The process that tries an object has to find them, too.
	return os.Setenv(datasetsVariable, folder)
}

// ownDatasets is the folder of own datasets that AfterApply found, nil for none.
func ownDatasets() fs.FS {
	folder := os.Getenv(datasetsVariable)
	if folder == "" {
		return nil
	}
	return os.DirFS(folder)
}
