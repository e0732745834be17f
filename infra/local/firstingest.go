package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/infra/files"
	"millrace/infra/minio"
	"millrace/infra/settings"
)

// ingestTimeout bounds the wait for gold. 41 objects take seconds; --top 2000 --days 3650 makes 20,000 requests.
const ingestTimeout = 30 * time.Minute

// ingestState is what the file <home>/first-ingest.json remembers.
type ingestState struct {
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished,omitempty"`
}

// due reports whether the first ingest has to run: when bronze is empty, and when the last try did not finish. Bronze that
// somebody else has filled is left alone.
func (i ingestState) due(bronzeEmpty bool) bool {
	return bronzeEmpty || !i.Started.IsZero() && i.Finished == nil
}

// ingest lands history and a snapshot and shows the gold rows that they become. On a lake that has data it shows the tables.
// A failure does not stop the stack; the next start tries again.
func (s *stack) ingest(ctx context.Context) {
	if s.options.NoIngest || s.options.NoReactor {
		return
	}
	err := s.ingestOrShow(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		slog.Error("the first ingest failed; the stack runs all the same, and its next start tries again", "error", err.Error())
	}
}

func (s *stack) ingestOrShow(ctx context.Context) error {
	state, err := s.home.readIngest()
	if err != nil {
		return err
	}
	empty, err := s.bronzeEmpty(ctx)
	if err != nil {
		return err
	}
	if !state.due(empty) {
		return s.run(ctx, minio.UserReactor, s.programs.reactor, os.Stdout, "tables")
	}
	state = ingestState{Started: time.Now().UTC()}
	if err := s.home.writeIngest(state); err != nil {
		return err
	}
	if err := s.firstIngest(ctx, state.Started); err != nil {
		return err
	}
	now := time.Now().UTC()
	state.Finished = &now
	return s.home.writeIngest(state)
}

// landed is a row of what the ingestor prints.
type landed struct {
	Outcome string  `json:"outcome"`
	Key     *string `json:"key"`
}

// noData reports whether the ingestor asked for rows and the source had none of them: it fails then.
func noData(rows []landed) bool {
	for _, row := range rows {
		if row.Outcome != "no data" && row.Outcome != "skipped" {
			return false
		}
	}
	return len(rows) > 0
}

func keys(rows []landed) []string {
	var all []string
	for _, row := range rows {
		if row.Key != nil {
			all = append(all, *row.Key)
		}
	}
	return all
}

// newestRanking is the query that the first ingest shows: a row a coin from three of the gold tables. It leaves out changes of
// rank, because history has no market capitalisation and so no rank to compare with.
const newestRanking = `
select r.rank, r.asset_id, round(d.close, 6)::double as price_usd, round(r.market_cap_usd / 1e9, 3)::double as market_cap_bn_usd,
    round(r.dominance_pct, 2) as dominance_pct, round(100 * a.return_7d, 2) as return_7d_pct, round(100 * a.return_30d, 2) as return_30d_pct
from gold.rankings as r
join gold.daily_summary as d on d.asset_id = r.asset_id and d.day = r.day
join gold.rolling_averages as a on a.asset_id = r.asset_id and a.day = r.day
where r.day = (select max(day) from gold.rankings)
order by r.rank`

func (s *stack) firstIngest(ctx context.Context, now time.Time) error {
	from := now.AddDate(0, 0, -s.options.Days).Format(time.DateOnly)
	to := now.AddDate(0, 0, -1).Format(time.DateOnly)
	top := strconv.Itoa(s.options.Top)
	slog.Info("first ingest: daily history into bronze", "from", from, "to", to, "coins", s.options.Top)
	var history, snapshot []landed
	err := s.rows(ctx, minio.UserIngestor, s.programs.ingestor, &history, "history", "--from", from, "--to", to, "--top", top)
	switch {
	case noData(history): // as recorded responses of another year: a snapshot may still have some
		slog.Warn("the source has no history of these days", "from", from, "to", to)
	case err != nil:
		return err
	default:
		if _, err := s.awaitGold(ctx, keys(history)); err != nil {
			return err
		}
		slog.Info("history is in gold", "objects", len(keys(history)), "after", s.elapsed())
	}
	// It lands alone, so that its time from put to gold is that of any later object.
	if err := s.rows(ctx, minio.UserIngestor, s.programs.ingestor, &snapshot, "snapshot", "--top", top); err != nil {
		return err
	}
	steps, err := s.awaitGold(ctx, keys(snapshot))
	if err != nil {
		return err
	}
	if err := s.run(ctx, minio.UserReactor, s.programs.reactor, os.Stdout, "query", newestRanking, "--output", s.out.Format()); err != nil {
		return err
	}
	slog.Info("the snapshot made the rows above", "put_to_silver_ms", steps["silver"], "put_to_gold_ms", steps["gold"], "since_start", s.elapsed())
	return nil
}

// awaitGold waits until the objects are in gold, and returns the milliseconds from the last one's put to each step.
func (s *stack) awaitGold(ctx context.Context, keys []string) (map[string]int64, error) {
	if len(keys) == 0 {
		return nil, errors.New("the ingestor put no object into bronze")
	}
	done := patience(s.out, "waiting for gold")
	defer done()
	steps := map[string]int64{}
	for some := range slices.Chunk(keys, 500) { // a command line has its limits
		args := []string{"wait", "--timeout", ingestTimeout.String()}
		for _, key := range some {
			args = append(args, "--key", key)
		}
		var rows []struct {
			Step string `json:"step"`
			MS   int64  `json:"ms_since_put"`
		}
		if err := s.rows(ctx, minio.UserReactor, s.programs.reactor, &rows, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			steps[row.Step] = row.MS
		}
	}
	return steps, nil
}

// patience shows a spinner until done is called.
func patience(out *cli.Output, label string) (done func()) {
	bar := out.Progress(-1, label)
	stop := make(chan struct{})
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				bar.Add(1)
			case <-stop:
				return
			}
		}
	}()
	return func() { close(stop); bar.Done() }
}

func (s *stack) bronzeEmpty(ctx context.Context) (bool, error) {
	client, err := settings.S3{
		Endpoint: s.at.S3, AccessKey: minio.UserOwner, SecretKey: s.secrets.s3[minio.UserOwner], Bucket: s.options.Bucket,
	}.Client()
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the listing ends with the first object
	object, found := <-client.ListObjects(ctx, s.options.Bucket, s3.ListObjectsOptions{Prefix: "bronze/", Recursive: true, MaxKeys: 1})
	if found && object.Err != nil {
		return false, fmt.Errorf("look into bronze: %w", object.Err)
	}
	return !found, nil
}

func (h home) readIngest() (ingestState, error) {
	var state ingestState
	text, err := os.ReadFile(h.ingestFile())
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		return state, fmt.Errorf("read what became of the first ingest (remove %s to let it run when bronze is empty): %w", h.ingestFile(), err)
	}
	return state, nil
}

func (h home) writeIngest(state ingestState) error {
	text, err := json.Marshal(state)
	if err == nil {
		err = files.Replace(h.ingestFile(), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("remember the first ingest: %w", err)
	}
	return nil
}
