package harness_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// snapshot has the ingestor land a snapshot and returns the object's user metadata.
func snapshot(t *testing.T, s *harness.Stack, args ...string) map[string]string {
	t.Helper()
	key := s.Land(t, nil, append([]string{"snapshot", "--top", "5"}, args...)...)[0].Key
	info, err := s.Client().StatObject(t.Context(), s.Bucket(), key, statOptions)
	if err != nil {
		t.Fatal(err)
	}
	return info.UserMetadata
}

func TestWithoutAKeyPricesAreSyntheticAndSaySo(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	if !s.Synthetic || s.Simulator == "" {
		t.Fatalf("the stack says that prices are genuine: %+v", s.Addresses)
	}
	if meta := snapshot(t, s); meta["Synthetic"] != "true" {
		t.Errorf("the object does not say that its prices are synthetic: %v", meta)
	}
	before := s.Simulator
	s.Stop(t)
	if text := s.Process().Wait(t).Stdout; !strings.Contains(text, "SYNTHETIC") {
		t.Errorf("the banner does not say so: %s", text)
	}
	s.Restart(t)
	if s.Simulator != before {
		t.Errorf("the simulator moved from %s to %s", before, s.Simulator)
	}
}

func TestWithAKeyThereIsNoSimulator(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor(), harness.WithEnv("COINCAP_API_KEY=secret-of-the-user"))
	if s.Synthetic || s.Simulator != "" {
		t.Errorf("a simulator runs: %+v", s.Addresses)
	}
	if url, ok := s.Vars(t, "ingestor")["COINCAP_BASE_URL"]; ok {
		t.Errorf("the ingestor is sent to %s", url)
	}
	s.Stop(t)
	err := filepath.WalkDir(s.Home, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "secret-of-the-user") {
			t.Errorf("the key lies in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRecordedResponsesAreServedAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	const body = `{"timestamp":1767225600000,"data":[{"id":"bitcoin","rank":"1","symbol":"BTC","name":"Bitcoin","priceUsd":"87650.1234567890123456"}]}`
	if err := os.WriteFile(filepath.Join(dir, "assets.json"), []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	// A recording wins over a key: it was asked for.
	s := harness.Start(t, harness.WithoutReactor(), harness.WithArgs("--recorded", dir), harness.WithEnv("COINCAP_API_KEY=key"))
	if s.Synthetic || s.Simulator == "" {
		t.Fatalf("want a simulator that is not synthetic: %+v", s.Addresses)
	}
	response, err := http.Get(s.Simulator + "/assets")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the simulator answers %s", response.Status)
	}
	if meta := snapshot(t, s); meta["Synthetic"] != "" {
		t.Errorf("a recorded response is called synthetic: %v", meta)
	}
}
