package command

import (
	"context"
	"errors"
	"os"

	"millrace/infra/cli"
	"millrace/reactor/intake"
	"millrace/reactor/silver/datasets"
)

// decodeCmd is the process in which the reactor tries an object that killed it. It gets the request on stdin and the
// object as file 3.
type decodeCmd struct{}

func (*decodeCmd) Help() string {
	return "The reactor starts this by itself for an object that it died of; there is nothing to do with it by hand.\n\nExample:\n\n  reactor decode < request.json 3< object.parquet"
}

func (*decodeCmd) Run(ctx context.Context, _ *cli.Output) error {
	body := os.NewFile(3, "object")
	if body == nil {
		return errors.New("try an object: there is none as file 3")
	}
	return intake.Try(ctx, os.Stdin, body, datasets.Find)
}
