// Command reactor turns the arrival of bronze objects into silver and gold tables, and shows what is in them.
package main

import (
	"fmt"
	"os"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/command"
)

func main() {
	if err := settings.LoadEnv("reactor"); err != nil {
		fmt.Fprintln(os.Stderr, "reactor:", err)
		os.Exit(1)
	}
	cli.Main(&command.Reactor{}, "reactor", "Promote bronze objects to silver and gold Iceberg tables as they arrive, and read those tables.")
}
