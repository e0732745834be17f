package main

import (
	"context"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"millrace/infra/minio"
	"millrace/tests/harness/metrics"
)

// Traffic is what MinIO did for all its clients, the bench's own puts included.
type Traffic struct {
	Requests   map[string]float64 `json:"requests"` // by S3 operation
	ReceivedMB float64            `json:"received_mb"`
	SentMB     float64            `json:"sent_mb"`
}

// Steps is how often reactors did something in their pauses, and how long it took them.
type Steps struct {
	N       float64 `json:"n"`
	Seconds float64 `json:"s"`
}

// traffic reads from MinIO's metrics what it has done since its start.
func (l *lakehouse) traffic(ctx context.Context) (Traffic, error) {
	token, err := l.rootToken()
	if err != nil {
		return Traffic{}, err
	}
	families, err := metrics.Scrape(ctx, l.client.EndpointURL().JoinPath("minio/metrics/v3/api/requests").String(), token)
	if err != nil {
		return Traffic{}, fmt.Errorf("ask MinIO for its requests: %w", err)
	}
	t := Traffic{Requests: map[string]float64{}}
	for _, m := range families["minio_api_requests_total"].GetMetric() {
		t.Requests[metrics.Label(m, "name")] += m.GetCounter().GetValue()
	}
	for name, mb := range map[string]*float64{"minio_api_requests_traffic_received_bytes": &t.ReceivedMB, "minio_api_requests_traffic_sent_bytes": &t.SentMB} {
		for _, m := range families[name].GetMetric() {
			*mb += m.GetCounter().GetValue() / 1e6
		}
	}
	if len(t.Requests) == 0 || t.ReceivedMB == 0 || t.SentMB == 0 {
		return Traffic{}, fmt.Errorf("ask MinIO for its requests: there are none in its answer")
	}
	return t, nil
}

// since subtracts the traffic of an earlier time.
func (t Traffic) since(before Traffic) Traffic {
	d := Traffic{Requests: map[string]float64{}, ReceivedMB: t.ReceivedMB - before.ReceivedMB, SentMB: t.SentMB - before.SentMB}
	for name, n := range t.Requests {
		if n -= before.Requests[name]; n > 0 {
			d.Requests[name] = n
		}
	}
	return d
}

// all adds up the requests of every operation.
func (t Traffic) all() (n float64) {
	for _, of := range t.Requests {
		n += of
	}
	return n
}

// rootToken makes the token that MinIO asks for before it shows metrics, as `mc admin prometheus generate` does.
func (l *lakehouse) rootToken() (string, error) {
	secrets, err := l.dir().Credentials()
	if err != nil {
		return "", err
	}
	claims := jwt.RegisteredClaims{Issuer: "prometheus", Subject: minio.Root, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute))}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS512, claims).SignedString([]byte(secrets.Root))
	if err != nil {
		return "", fmt.Errorf("sign a token for MinIO: %w", err)
	}
	return token, nil
}

// upkeep reads from the reactor's metrics what upkeep it has done since its start.
func (l *lakehouse) upkeep(ctx context.Context) (map[string]Steps, error) {
	address, err := l.dir().HTTP()
	if err != nil {
		return nil, err
	}
	families, err := metrics.Scrape(ctx, "http://"+address+"/metrics", "")
	if err != nil {
		return nil, fmt.Errorf("ask the reactor for its upkeep: %w", err)
	}
	steps := map[string]Steps{}
	for _, m := range families["millrace_upkeep_duration_seconds"].GetMetric() {
		steps[metrics.Label(m, "work")] = Steps{float64(m.GetHistogram().GetSampleCount()), m.GetHistogram().GetSampleSum()}
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("ask the reactor for its upkeep: it is not in its answer")
	}
	return steps, nil
}
