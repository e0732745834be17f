package airflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Healthy is nil once every part of Airflow that runs DAGs says that it does. It needs no log-in.
func (c *Client) Healthy(ctx context.Context) error {
	var health map[string]struct {
		Status string `json:"status"`
	}
	if err := c.send(ctx, request{method: http.MethodGet, path: "/api/v2/monitor/health", answer: &health}); err != nil {
		return err
	}
	for _, part := range []string{"metadatabase", "scheduler", "dag_processor", "triggerer"} {
		if status := health[part].Status; status != "healthy" {
			return fmt.Errorf("Airflow's %s is not healthy: %q", part, status) //nolint:staticcheck // a name
		}
	}
	return nil
}

// Pool bounds how many tasks run at once that use it.
type Pool struct {
	Name        string `json:"name"`
	Slots       int    `json:"slots"`
	Description string `json:"description"`
	Deferred    bool   `json:"include_deferred"` // whether tasks that wait outside count, too
}

// poolPatience bounds MakePool.
const poolPatience = time.Minute

// MakePool makes a pool, unless there is one of its name: a task whose pool is missing waits for ever. Airflow's parts share
// one SQLite file in a local stack, and a request that meets another writer is answered with 500: it is sent again.
func (c *Client) MakePool(ctx context.Context, pool Pool) error {
	patient := backoff.NewExponentialBackOff(backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxElapsedTime(poolPatience))
	return backoff.Retry(func() error {
		err := c.Call(ctx, http.MethodPost, "/api/v2/pools", pool, nil)
		var refused *Refusal
		switch {
		case err == nil || Refused(err, http.StatusConflict):
			return nil
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError:
			return backoff.Permanent(fmt.Errorf("make Airflow's pool %s: %w", pool.Name, err))
		}
		return fmt.Errorf("make Airflow's pool %s: %w", pool.Name, err)
	}, backoff.WithContext(patient, ctx))
}
