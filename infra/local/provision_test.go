package main

import (
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/settings"
	"millrace/infra/streams"
	"millrace/tests/harness"
)

// started is a NATS and a MinIO without anything in them, as containers have them at their first start.
func started(t *testing.T) (broker *nats.Server, p provision) {
	t.Helper()
	broker = harness.Broker(t)
	server := harness.Store(t, broker)
	for _, user := range minio.Users {
		t.Setenv(secretVariable(user), "secret-of-"+user)
	}
	return broker, provision{
		S3:     settings.S3{Endpoint: server.Endpoint(), AccessKey: minio.Root, SecretKey: harness.RootPassword, Bucket: "lakehouse"},
		NATS:   settings.NATS{URL: broker.URL(nats.UserReactor)},
		Within: 30 * time.Second,
	}
}

func TestAProvisionedStoreTellsOfWhatTheIngestorPuts(t *testing.T) {
	broker, p := started(t)
	for range 2 { // the second run finds all of it there
		if err := p.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	client, err := settings.S3{
		Endpoint: p.Endpoint, AccessKey: minio.UserIngestor, SecretKey: "secret-of-ingestor", Bucket: p.Bucket,
	}.Client()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), p.Bucket, "bronze/a/b/ingest_date=2026-01-01/x.json", strings.NewReader("{}"), 2, s3.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	raw, err := harness.JetStream(t, broker, nats.UserOwner).Stream(t.Context(), streams.Raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{streams.RawFast, streams.RawSafe} {
		harness.Eventually(t, "an event on "+subject, func() bool {
			_, err := raw.GetLastMsgForSubject(t.Context(), subject)
			return err == nil
		})
	}
}

func TestWhatProvisionCannotMendIsSaidAtOnce(t *testing.T) {
	_, p := started(t)
	wrongRoot, wrongUser := p, p
	wrongRoot.SecretKey = "hunter2-of-root"
	wrongUser.URL = settings.Secret(strings.Replace(p.URL.Reveal(), "password-of", "hunter2-of", 1))
	for what, try := range map[string]struct {
		provision
		says string
	}{
		"a wrong root password":    {wrongRoot, "MinIO"},
		"a wrong NATS password":    {wrongUser, "refused the user or password"},
		"a port nobody listens on": {provision{S3: p.S3, NATS: settings.NATS{URL: "nats://u:hunter2@127.0.0.1:1"}, Within: time.Second}, "--within"},
	} {
		began := time.Now()
		err := try.Run(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), try.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error is %v", what, err)
		}
		if time.Since(began) > 20*time.Second {
			t.Errorf("%s was told after %s", what, time.Since(began))
		}
	}
	t.Setenv(secretVariable(minio.UserAnalyst), "")
	if err := p.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "MILLRACE_ANALYST_SECRET_KEY") {
		t.Errorf("a user without secret: the error is %v", err)
	}
}
