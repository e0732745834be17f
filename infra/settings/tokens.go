package settings

// Tokens are what the roles show to the reactor's HTTP surface.
type Tokens struct {
	Owner    Secret `name:"owner-token" env:"MILLRACE_OWNER_TOKEN" placeholder:"TEXT" help:"Token by which the owner reads and writes tables over HTTP; better given by the environment, because other users see flags."`
	Analyst  Secret `name:"analyst-token" env:"MILLRACE_ANALYST_TOKEN" placeholder:"TEXT" help:"Token by which an analyst reads tables over HTTP."`
	Reporter Secret `name:"reporter-token" env:"MILLRACE_REPORTER_TOKEN" placeholder:"TEXT" help:"Token by which a reporter reads tables over HTTP."`
}
