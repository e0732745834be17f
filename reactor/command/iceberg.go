package command

import (
	"millrace/infra/settings"
	"millrace/reactor/access"
	"millrace/reactor/rest"
)

// icebergFlags say who may call the Iceberg REST catalog.
type icebergFlags struct {
	settings.Tokens
}

// config is what the Iceberg REST catalog of a lake works with, but for the lake.
func (f icebergFlags) config(s3 settings.S3) (rest.Config, error) {
	tokens, err := access.NewTokens(f.Tokens)
	if err != nil {
		return rest.Config{}, err
	}
	vendor, err := access.NewVendor(s3)
	if err != nil {
		return rest.Config{}, err
	}
	return rest.Config{Tokens: tokens, Keys: vendor.Keys, Client: map[string]string{
		"s3.endpoint": s3.Endpoint, "s3.path-style-access": "true", "s3.region": s3.Region, "client.region": s3.Region,
	}}, nil
}
