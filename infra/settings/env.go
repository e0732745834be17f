package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/joho/godotenv"

	"millrace/infra/files"
)

// EnvFile returns the path of a role's endpoint and credentials: <home>/env/<role>.env.
func EnvFile(home, role string) string {
	return filepath.Join(home, "env", role+".env")
}

// RoleOwner names the role that may do what any other may.
const RoleOwner = "owner"

// accessKey is the variable that tells whose credentials a process has: each role's S3 access key is its name.
const accessKey = "MILLRACE_S3_ACCESS_KEY"

// LoadEnv sets the variables of the role's env file, but for those that the process has already: so a program that is started
// by hand finds the running stack. Call it before kong parses; it reads --home and MILLRACE_HOME itself. An absent file is no
// error.
//
// It sets nothing if the process has the credentials of another role, except the owner's. An analyst's shell once published events
// that way: the program took the NATS password, which an analyst has not, from the reactor's file.
func LoadEnv(role string) error {
	return loadEnv(homeOf(os.Args[1:]), role)
}

func loadEnv(home, role string) error {
	vars, err := ReadEnv(home, role)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if key := os.Getenv(accessKey); key != "" && key != vars[accessKey] && key != RoleOwner {
		return nil
	}
	for name, value := range vars {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s from the env file %s: %w", name, EnvFile(home, role), err)
		}
	}
	return nil
}

// ReadEnv returns the variables of the role's env file; the error of an absent file is fs.ErrNotExist.
func ReadEnv(home, role string) (map[string]string, error) {
	path := EnvFile(home, role)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the env file of role %s: %w", role, err)
	}
	vars, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		// The parser's error quotes the line, which may be a secret.
		return nil, fmt.Errorf("the env file %s cannot be read: each line must be NAME=\"value\"; remove the file and start the stack again", path)
	}
	return vars, nil
}

// WriteEnv replaces the role's env file (mode 0600, in a folder of mode 0700). The change is one rename, so a program that
// starts meanwhile sees the old file or the new one.
func WriteEnv(home, role string, vars map[string]string) error {
	path := EnvFile(home, role)
	text, err := godotenv.Marshal(vars)
	if err != nil {
		return fmt.Errorf("write the env file %s: %w", path, err)
	}
	// A dotenv file cannot hold every value (not a quote at the end, nor a number with leading zeros): better an error now than
	// another password at the next start.
	back, err := godotenv.Unmarshal(text)
	if err != nil || !maps.Equal(back, vars) {
		return fmt.Errorf("write the env file %s: a value cannot be written as a dotenv line", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder for env files: %w", err)
	}
	if err := files.Replace(path, []byte(text+"\n")); err != nil {
		return fmt.Errorf("write the env file %s: %w", path, err)
	}
	return nil
}
