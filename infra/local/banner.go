package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"millrace/infra/minio"
)

// synthetic reports whether prices are made up.
func (s *stack) synthetic() bool { return s.at.Simulator != "" && s.options.Recorded == "" }

// banner prints where things are and what to do next.
func (s *stack) banner() {
	var b strings.Builder
	line := func(name, text string) { fmt.Fprintf(&b, "  %-9s %s\n", name, text) }
	without := ""
	if s.at.HTTP == "" {
		without = " without a reactor: nothing is promoted"
	}
	fmt.Fprintf(&b, "\nmillrace runs%s. Ctrl-C stops it.\n\n", without)
	line("S3", s.at.S3+"  bucket "+s.options.Bucket)
	line("NATS", s.at.NATS)
	if s.at.HTTP != "" {
		if s.out.Terminal() {
			line("console", s.at.console(s.secrets.tokens[minio.UserOwner]))
		} else { // a file of what the stack said must open nothing
			line("console", s.at.http()+"/  (`stack env` prints MILLRACE_CONSOLE_URL, which has the token)")
		}
		line("metrics", s.at.http()+"/metrics")
		if address := os.Getenv("MILLRACE_PG_ADDR"); address != "" {
			line("psql", address+"  (user: a role, password: its token; port 0 is told by the reactor's log)")
		}
	}
	switch {
	case s.synthetic():
		line("prices", "SYNTHETIC, from the simulator at "+s.at.Simulator+" (set COINCAP_API_KEY for genuine ones)")
	case s.at.Simulator != "":
		line("prices", "recorded, from "+s.options.Recorded+" at "+s.at.Simulator)
	default:
		line("prices", "genuine, from CoinCap")
	}
	line("state", string(s.home))
	bin := shortPath(filepath.Dir(s.programs.reactor))
	fmt.Fprintf(&b, `
In another terminal:
  eval "$(%s env%s)"
  %s query "select * from gold.market_summary order by day desc limit 5"

`, filepath.Join(bin, "stack"), s.homeFlag(), filepath.Join(bin, "reactor"))
	if _, err := s.out.Write([]byte(b.String())); err != nil {
		slog.Warn("the banner cannot be shown", "error", err)
	}
}

// homeFlag returns the flag that a command needs to find this home, empty for the default one.
func (s *stack) homeFlag() string {
	if shortPath(string(s.home)) == ".millrace" {
		return ""
	}
	return " --home '" + string(s.home) + "'"
}

// shortPath returns a path relative to the current folder if that is shorter to type.
func shortPath(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(here, path)
	if err != nil || len(relative) > len(path) {
		return path
	}
	return relative
}
