package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"millrace/infra/files"
	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/settings"
)

// credentials are the secrets of a stack. The first start makes them at random, so there is no default password that somebody
// forgets to change.
type credentials struct {
	root settings.Secret // MinIO's root user; never leaves the stack and its child
	s3   map[string]settings.Secret
	nats nats.Passwords
	// tokens are what a role shows to the reactor over HTTP.
	tokens map[string]settings.Secret
}

// tokenRoles are the roles that have a token.
var tokenRoles = []string{minio.UserOwner, minio.UserAnalyst, minio.UserReporter}

// String and GoString hide the secrets. Every field's type hides itself, but fmt does not ask fields that are not exported.
func (credentials) String() string   { return "***" }
func (credentials) GoString() string { return "***" }

// credentialsFile is the form in which they are kept. It has plain strings, because a Secret shows itself to no encoder.
type credentialsFile struct {
	Root string            `json:"minio_root"`
	S3   map[string]string `json:"s3"`
	NATS map[string]string `json:"nats"`

	Tokens map[string]string `json:"tokens"`
}

// loadCredentials reads the file and makes what it lacks: everything at the first start, and later the secret of a user that a
// new version has added.
func loadCredentials(path string) (credentials, error) {
	file, err := readCredentials(path)
	if err != nil {
		return credentials{}, err
	}
	made := false
	random := func(secret string) string {
		if secret != "" {
			return secret
		}
		made = true
		return rand.Text()
	}
	file.Root = random(file.Root)
	c := credentials{root: settings.Secret(file.Root)}
	file.S3, c.s3 = complete(file.S3, minio.Users, random)
	file.NATS, c.nats = complete(file.NATS, nats.Users, random)
	file.Tokens, c.tokens = complete(file.Tokens, tokenRoles, random)
	if !made {
		return c, nil
	}
	return c, file.write(path)
}

// readCredentials reads the file; one that is not there is empty.
func readCredentials(path string) (file credentialsFile, err error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file, nil
	case err != nil:
		return file, fmt.Errorf("read the stack's credentials: %w", err)
	case json.Unmarshal(text, &file) != nil: // its error may quote a secret
		return file, fmt.Errorf("the stack's credentials %s cannot be read: remove the file, and new ones are made", path)
	}
	return file, nil
}

func (f credentialsFile) write(path string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write the stack's credentials: %w", err)
	}
	if err := files.Replace(path, append(text, '\n')); err != nil {
		return fmt.Errorf("write the stack's credentials: %w", err)
	}
	return nil
}

func complete(kept map[string]string, users []string, random func(string) string) (map[string]string, map[string]settings.Secret) {
	all, secrets := map[string]string{}, map[string]settings.Secret{}
	for _, user := range users {
		all[user] = random(kept[user])
		secrets[user] = settings.Secret(all[user])
	}
	return all, secrets
}
