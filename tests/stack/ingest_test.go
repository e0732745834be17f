package stack_test

import (
	"encoding/json"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/stack"
)

// objects are the keys below a prefix.
func objects(t *testing.T, s *stack.Stack, prefix string) []string {
	t.Helper()
	var keys []string
	for object := range s.Client().ListObjects(t.Context(), s.Bucket(), s3.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		keys = append(keys, object.Key)
	}
	return keys
}

func TestTheFirstStartEndsInGoldAndTheSecondDoesNotIngestAgain(t *testing.T) {
	const running = "Ctrl-C stops it"
	stack.Program(t, "ingestor") // `up` runs it from beside the stack
	s := stack.Start(t, stack.WithArgs("--no-ingest=false", "--days", "40", "--top", "3"))
	stack.Eventually(t, "the first ingest is done", func() bool { return strings.Contains(s.Process().Stdout(), running) })
	for _, want := range []string{"rank", "bitcoin", "return_30d_pct"} {
		if !strings.Contains(s.Process().Stdout(), want) {
			t.Errorf("the first ingest does not show %s: %s", want, s.Process().Stdout())
		}
	}
	landed := objects(t, s, "bronze/")
	if len(landed) != 4 {
		t.Errorf("want the history of 3 coins and a snapshot in bronze: %v", landed)
	}
	r := s.Run(t, "reactor", "query", "select asset_id, count(*) as days, count(return_30d) as returns from gold.rolling_averages group by all order by all", "--output", "json")
	var rows []struct{ Days, Returns int }
	if err := json.Unmarshal([]byte(r.Stdout), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("want 3 coins in gold: %v, %s", err, r)
	}
	for _, row := range rows {
		if row.Days < 40 || row.Returns < 10 {
			t.Errorf("gold lacks days: %+v", row)
		}
	}

	s.Stop(t)
	s.Restart(t)
	stack.Eventually(t, "the second start shows where it stands", func() bool { return strings.Contains(s.Process().Stdout(), running) })
	if !strings.Contains(s.Process().Stdout(), "rankings") {
		t.Errorf("the second start does not list the tables: %s", s.Process().Stdout())
	}
	if again := objects(t, s, "bronze/"); len(again) != len(landed) {
		t.Errorf("the second start ingested again: %d objects, then %d", len(landed), len(again))
	}
}
