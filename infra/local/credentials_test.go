package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/infra/minio"
	"millrace/infra/nats"
)

func TestCredentialsAreRandomKeptAndTheirOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	first, err := loadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	add := func(who, secret string) {
		if len(secret) < 20 || seen[secret] {
			t.Errorf("the secret of %s has %d characters, or is another's too", who, len(secret))
		}
		seen[secret] = true
	}
	add("root", first.root.Reveal())
	for _, user := range minio.Users {
		add("s3 "+user, first.s3[user].Reveal())
	}
	for _, user := range nats.Users {
		add("nats "+user, first.nats[user].Reveal())
	}
	for _, role := range tokenRoles {
		add("token "+role, first.tokens[role].Reveal())
	}
	second, err := loadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	if second.root != first.root || fmt.Sprint(second.s3["owner"].Reveal()) != first.s3["owner"].Reveal() {
		t.Error("the second start has other secrets")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for secret := range seen {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", first, &first, first), secret) {
			t.Error("a secret shows when credentials are printed")
		}
	}
}

func TestANewUserGetsASecretAndTheOthersKeepTheirs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(`{"minio_root":"root-secret","s3":{"owner":"owner-secret"},"nats":{},"tokens":{"owner":"owner-token"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.root.Reveal() != "root-secret" || c.s3["owner"].Reveal() != "owner-secret" || c.s3["analyst"] == "" || c.nats["minio"] == "" ||
		c.tokens["owner"].Reveal() != "owner-token" || c.tokens["analyst"] == "" {
		t.Error("kept secrets changed, or missing ones were not made")
	}
	again, err := loadCredentials(path)
	if err != nil || again.s3["analyst"] != c.s3["analyst"] {
		t.Errorf("the new secret was not kept: %v", err)
	}
}

func TestUnreadableCredentialsDoNotShow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(`{"minio_root": hunter2`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := loadCredentials(path)
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("error is %v", err)
	}
}
