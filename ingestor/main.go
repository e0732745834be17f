// Command ingestor puts objects into bronze: the answers of a source such as CoinCap, exactly as received, each written once.
// What happens to them after that is the reactor's business, which hears of them by MinIO's events.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/command"
)

type app struct {
	settings.Home

	Daily    command.Daily    `cmd:"" help:"Land one day: its d1 history of the largest assets, and a snapshot when the day is today or yesterday. This is what Airflow runs."`
	Snapshot command.Snapshot `cmd:"" help:"Land a snapshot of the largest assets, once or again and again."`
	History  command.History  `cmd:"" help:"Land the history of some days."`
	Fetch    command.Fetch    `cmd:"" help:"Land one day of any source, as the block fetch of its dataset's file says."`
	Simulate command.Simulate `cmd:"" help:"Serve a CoinCap v3-compatible API with synthetic prices, or with recorded responses."`
}

func main() {
	if err := settings.LoadEnv("ingestor"); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "ingestor: %v\n", err)
		os.Exit(1)
	}
	cli.Main(&app{}, "ingestor", "Lands the responses of CoinCap, and of any source that a file describes, in bronze, as received.", kong.Bind(command.Clock(time.Now)))
}
