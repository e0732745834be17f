package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// airflowClient talks to loopback only.
var airflowClient = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Proxy: nil}}

// healthy is nil once every part of Airflow that runs DAGs says that it does.
func (s site) healthy(ctx context.Context) error {
	var health map[string]struct {
		Status string `json:"status"`
	}
	if err := s.call(ctx, http.MethodGet, "/api/v2/monitor/health", "", nil, &health); err != nil {
		return err
	}
	for _, part := range []string{"metadatabase", "scheduler", "dag_processor", "triggerer"} {
		if status := health[part].Status; status != "healthy" {
			return fmt.Errorf("Airflow's %s is not healthy: %q", part, status) //nolint:staticcheck // a name
		}
	}
	return nil
}

// makePool makes the pool of the tasks that ask CoinCap, unless it is there: a task whose pool is missing waits for ever.
// Airflow's parts share one SQLite file, and a request that meets another writer is answered with 500: it is sent again.
func (s site) makePool(ctx context.Context) error {
	patient := backoff.NewExponentialBackOff(backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxElapsedTime(time.Minute))
	return backoff.Retry(func() error {
		err := s.tryPool(ctx)
		var refused *refusal
		if errors.As(err, &refused) && refused.status < http.StatusInternalServerError {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(patient, ctx))
}

func (s site) tryPool(ctx context.Context) error {
	var token struct {
		AccessToken string `json:"access_token"`
	}
	credentials := map[string]string{"username": airflowUser, "password": s.password.Reveal()}
	if err := s.call(ctx, http.MethodPost, "/auth/token", "", credentials, &token); err != nil {
		return fmt.Errorf("log into Airflow: %w", err)
	}
	pool := map[string]any{"name": sourcePool, "slots": 1, "description": "Calls to CoinCap, one task at a time.", "include_deferred": false}
	err := s.call(ctx, http.MethodPost, "/api/v2/pools", token.AccessToken, pool, nil)
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusConflict {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make Airflow's pool %s: %w", sourcePool, err)
	}
	return nil
}

// refusal is an answer that is no success.
type refusal struct {
	path   string
	status int
	text   string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("Airflow answers %s with %d: %s", r.path, r.status, r.text)
}

// call sends a request with a JSON body, or none, and reads the JSON of the answer into answer, unless that is nil.
func (s site) call(ctx context.Context, method, path, token string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := airflowClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return &refusal{path, response.StatusCode, string(got[:min(len(got), 500)])}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(got, answer)
}
