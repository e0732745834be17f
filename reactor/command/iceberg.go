package command

import (
	"fmt"

	"millrace/infra/settings"
	"millrace/reactor/access"
	"millrace/reactor/rest"
)

// icebergFlags say who may call the Iceberg REST catalog, and what engines that do are told.
type icebergFlags struct {
	settings.Tokens
	PublicS3 string `name:"s3-public-endpoint" env:"MILLRACE_S3_PUBLIC_ENDPOINT" placeholder:"URL" help:"S3 endpoint as engines reach it that read by the Iceberg REST catalog, where it is another than the reactor's own."`
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
	endpoint := s3.Endpoint
	if f.PublicS3 != "" {
		public := s3
		public.Endpoint, endpoint = f.PublicS3, f.PublicS3
		if _, err := public.Client(); err != nil { // it checks the address
			return rest.Config{}, fmt.Errorf("--s3-public-endpoint (MILLRACE_S3_PUBLIC_ENDPOINT): %w", err)
		}
	}
	return rest.Config{Tokens: tokens, Keys: vendor.Keys, Client: map[string]string{
		"s3.endpoint": endpoint, "s3.path-style-access": "true", "s3.region": s3.Region, "client.region": s3.Region,
	}}, nil
}
