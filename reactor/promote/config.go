package promote

import (
	"log/slog"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/reactor/duck"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
	"millrace/reactor/namespace"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
)

// Config has what promoters work with. Lake and DB are required; silver needs Client too.
type Config struct {
	Lake *lake.Lake
	// Client reads the objects of bronze.
	Client *minio.Client
	// DB merges rows and computes models. All promoters of a reactor share it.
	DB *duck.DB
	// Cache keeps rows of live files in DB (default: a new one for this promoter).
	Cache *rows.Cache
	// Limits bound one object (default: none). `reactor check` must have the same limits.
	Limits silver.Limits
	// Journal notes which objects are being decoded, so that a restart knows which one ended the process (default: none).
	Journal *intake.Journal
	// Deaths knows the models that killed the process (default: they are not noted).
	Deaths *Deaths
	// Insist lets commits come through beside a reactor that never rests: it is asked to wait. It is for work that a person asked for.
	Insist bool
	// Metrics counts (default: metrics that nobody reads).
	Metrics *Metrics
	// Log takes messages (default: slog's).
	Log *slog.Logger
	// OnCommit, when set, is called after each commit that wrote rows of gold. It must return at once: the next step waits for it.
	OnCommit func(step int64, written []Written)

	now func() time.Time
}

// withDefaults sets the fields that the caller left out.
func (c Config) withDefaults() Config {
	if c.Cache == nil {
		c.Cache = rows.New(c.Lake)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.now = time.Now
	return c
}

// turns are those of a promoter of tables of a namespace.
func (c Config) turns(of namespace.Namespace) lake.Turns {
	retry := c.Metrics.retry()
	if c.Insist {
		retry.Attempts = lake.Patient.Attempts
	}
	return lake.Turns{Lake: c.Lake, Of: of, Retry: retry, Insist: c.Insist}
}

// connections opens n connections to a database. If one fails, it closes the others.
func connections(db *duck.DB, n int) ([]*duck.Conn, error) {
	var conns []*duck.Conn
	for range n {
		c, err := db.Connect()
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

func closeAll(conns []*duck.Conn) {
	for _, c := range conns {
		c.Close()
	}
}
