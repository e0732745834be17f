// promql says of each line on stdin whether Prometheus understands it as an expression. For every line it prints one line: the
// error, or nothing. It is a program of its own so that Prometheus is no requirement of millrace's module.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		said := ""
		if _, err := parser.ParseExpr(lines.Text()); err != nil {
			said = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Println(said)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "read expressions:", err)
		os.Exit(1)
	}
}
