package main

import (
	"path/filepath"
	"strings"
	"testing"

	"millrace/infra/settings"
)

func TestRotateChangesTheSecretsOfOneRole(t *testing.T) {
	h, err := openHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	before, err := loadCredentials(h.credentialsFile())
	if err != nil {
		t.Fatal(err)
	}
	analyst := rotate{Home: settings.Home{Home: string(h)}, Role: "analyst"}
	if err := analyst.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	after, err := loadCredentials(h.credentialsFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"owner", "ingestor", "reactor", "analyst", "reporter"} {
		changed := role == "analyst"
		if (after.s3[role] != before.s3[role]) != changed || after.s3[role] == "" {
			t.Errorf("the S3 key of %s: changed is not %v", role, changed)
		}
		if before.tokens[role] != "" && (after.tokens[role] != before.tokens[role]) != changed {
			t.Errorf("the token of %s: changed is not %v", role, changed)
		}
	}
	if after.nats["owner"] != before.nats["owner"] || after.root != before.root {
		t.Error("other secrets changed")
	}
	owner := rotate{Home: analyst.Home, Role: "owner"}
	release, err := h.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "in use by another stack") {
		t.Errorf("while the stack runs: %v", err)
	}
	release()
	if err := owner.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	last, err := loadCredentials(h.credentialsFile())
	if err != nil || last.nats["owner"] == before.nats["owner"] || last.tokens["owner"] == before.tokens["owner"] || last.tokens["analyst"] != after.tokens["analyst"] {
		t.Errorf("the owner's secrets stayed, or the analyst's did not: %v", err)
	}
	nowhere := rotate{Home: settings.Home{Home: filepath.Join(t.TempDir(), "x")}, Role: "owner"}
	if err := nowhere.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no stack ever ran") {
		t.Errorf("in a folder without a stack: %v", err)
	}
}
