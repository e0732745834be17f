// Command stack is the whole lakehouse on one machine. It embeds nats-server, runs MinIO and the reactor as children and
// restarts them, serves synthetic prices if there is no CoinCap key, and lands a first ingest so that there is something to
// see. All state lies in one folder; everything listens on loopback.
package main

import (
	"fmt"
	"os"

	"millrace/infra/cli"
	"millrace/infra/settings"
)

type app struct {
	Up      up           `cmd:"" default:"withargs" help:"Start the stack and stay in the foreground (the default command)."`
	Env     env          `cmd:"" help:"Print the exports by which other programs find the stack."`
	Airflow airflow      `cmd:"" help:"Run Airflow beside the running stack, with the project's DAGs."`
	Rotate  rotate       `cmd:"" help:"Give a role new secrets: key, password and token."`
	Status  status       `cmd:"" help:"Say whether the stack runs, and where."`
	MinIO   minioProgram `cmd:"" name:"minio" help:"Build MinIO beforehand, as the first start would."`

	Provision  provision  `cmd:"" help:"Set up a NATS and a MinIO that run already: streams, bucket, users and rules."`
	SQS        sqsBridge  `cmd:"" name:"sqs" help:"Bring S3's messages from an SQS queue to NATS, for a lake on AWS."`
	Quarantine quarantine `cmd:"" help:"Take broken files out of MinIO's event queue; run it before each start of a MinIO in a container."`
}

func main() {
	if err := settings.LoadEnv("stack"); err != nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
	cli.Main(&app{}, "stack", "The millrace lakehouse on one machine: object store, broker, reactor and a source of prices.")
}
