package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ownHome is the home folder of whoever names none: a folder's own.
const ownHome = ".millrace"

// Home is the folder that holds all state of the local stack.
type Home struct {
	Home string `name:"home" env:"MILLRACE_HOME" default:".millrace" placeholder:"DIR" help:"Folder that holds all state."`
}

// Notice warns when MILLRACE_HOME names another home than the one that lies in this folder. Somebody who has exported it in
// one checkout, by `eval "$(stack env)"`, and goes to another one would work on the first one's lakehouse and not notice.
func (h Home) Notice() string {
	if info, err := os.Stat(ownHome); err != nil || !info.IsDir() {
		return ""
	}
	return h.Foreign()
}

// Foreign says which home answers when that is not this folder's own and MILLRACE_HOME, not --home, names it; else it is
// empty.
func (h Home) Foreign() string {
	named := os.Getenv("MILLRACE_HOME")
	if _, flag := homeFlag(os.Args[1:]); flag || named == "" || h.Home != named || sameFolder(named, ownHome) {
		return ""
	}
	own, err := filepath.Abs(ownHome)
	if err != nil {
		own = ownHome
	}
	return fmt.Sprintf("the lakehouse in %s answers, because MILLRACE_HOME names it, and not this folder's own (%s): unset MILLRACE_HOME, or name one with --home", named, own)
}

// sameFolder reports whether two paths lead to the same folder, which need not exist.
func sameFolder(a, b string) bool {
	first, errA := os.Stat(a)
	second, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(first, second)
	}
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}

// homeOf finds the home folder as kong will: flag, then environment, then default.
func homeOf(args []string) string {
	if value, ok := homeFlag(args); ok {
		return value
	}
	if home := os.Getenv("MILLRACE_HOME"); home != "" {
		return home
	}
	return ownHome
}

// homeFlag finds --home among a program's arguments.
func homeFlag(args []string) (value string, ok bool) {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--home="); ok {
			return value, true
		}
		if arg == "--home" && i+1 < len(args) {
			return args[i+1], true
		}
	}
	return "", false
}
