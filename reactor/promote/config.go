package promote

import (
	"log/slog"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/reactor/duck"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
)

// Config is what promoters work with. Lake and DB have to be given, and Client for silver.
type Config struct {
	Lake *lake.Lake
	// Client reads the objects of bronze.
	Client *minio.Client
	// DB is where rows are merged and models computed. Promoters of one reactor share it.
	DB *duck.DB
	// Cache holds rows of live files in DB (default: an empty one of the promoter's own).
	Cache *rows.Cache
	// Limits of one object (default: none). The proof of the tables must know the same ones.
	Limits silver.Limits
	// Journal of the objects being decoded, for those that end the process (default: none).
	Journal *intake.Journal
	// Metrics (default: ones that nobody reads).
	Metrics *Metrics
	// Log (default: slog's).
	Log *slog.Logger
	// OnCommit, when set, is told of each commit that wrote rows of gold. It must return at once: the next step waits.
	OnCommit func(step int64, written []Written)

	now func() time.Time
}

// withDefaults fills in what was left out.
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

// connections opens n connections to a database, or none.
func connections(db *duck.DB, n int) ([]*duck.Conn, error) {
	var conns []*duck.Conn
	for range n {
		c, err := db.Connect()
		if err != nil {
			for _, c := range conns {
				c.Close()
			}
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}
