package promote_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// imported is the line that `reactor import` prints.
type imported struct {
	Place, Dataset, By         string
	Objects, New, There, Bytes int
}

func ownerImports(t *testing.T, s *harness.Stack, code int, args ...string) (imported, harness.Result) {
	t.Helper()
	r := s.RunEnv(t, s.Env(t, "owner"), "reactor", append([]string{"import", "--output", "json"}, args...)...)
	if r.Code != code {
		t.Fatalf("reactor import %v: want exit code %d, %s", args, code, r)
	}
	var lines []imported
	if code == 0 {
		if decode(t, r.Stdout, &lines); len(lines) != 1 {
			t.Fatalf("reactor import %v: %s", args, r)
		}
		return lines[0], r
	}
	return imported{}, r
}

// decode reads what a command prints with --output json.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func prices(t *testing.T, s *harness.Stack) string {
	t.Helper()
	return strings.TrimSpace(strings.ReplaceAll(s.CSV(t, "select asset_id, price_usd::integer as p from silver.asset_snapshots order by 1"), "\n", " "))
}

// Objects of the lake's own bucket become bronze where they are. Each has the place in time of its original, and all that the tables
// promise holds for it: replays, deletions, rebuilds, and the order of who wins.
func TestObjectsOfTheBucketBecomeBronzeWhereTheyAre(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	reactor := s.StartReactor(t)
	const folder = "exports/2024"
	at := coin.Day(time.June, 1)
	put := func(name string, list ...string) string {
		return s.Put(t, folder+name, coin.Assets(at, list...), nil).VersionID
	}
	put("/a.json", coin.Asset("bitcoin", "1", "10"), coin.Asset("ethereum", "1", "10"))
	time.Sleep(5 * time.Millisecond) // times have milliseconds
	b := put("/deep/_er/b c+%é.json", coin.Asset("bitcoin", "2", "20"), coin.Asset("solana", "2", "20"), `{"id":"broken","priceUsd":"-1"}`)
	put("/c.json", coin.Asset("tron", "3", "1"))
	put("/c.json", coin.Asset("tron", "4", "1")) // only the newest version of an object counts
	put("-old/x.json", coin.Asset("old", "9", "1"))
	for _, name := range []string{"/_SUCCESS", "/notes.txt", "/.c.json.crc"} {
		s.Put(t, folder+name, []byte("x"), nil)
	}
	live := coin.AssetsKey("live.json") // newer than the exports, and there before their import
	s.PutAndWait(t, live, coin.Assets(at, coin.Asset("ethereum", "5", "50")), nil)

	const place = "s3://lakehouse/" + folder + "/"
	// A folder that begins with _ inside of the place holds no data, but a place that somebody names does.
	want := imported{Place: place, Dataset: "coincap/assets", By: "link", Objects: 2, New: 2}
	dry, r := ownerImports(t, s, 0, place, "--dataset", "coincap/assets", "--dry-run")
	if want.Bytes = dry.Bytes; dry != want || dry.Bytes == 0 || !strings.Contains(r.Stderr, "passed over") {
		t.Errorf("dry run: %+v, want %+v; %s", dry, want, r)
	}
	if n := len(s.Objects(t, "bronze/")); n != 1 {
		t.Errorf("a dry run left %d objects in bronze, want 1", n)
	}
	if got, _ := ownerImports(t, s, 0, place, "--dataset", "coincap/assets", "--wait"); got != want {
		t.Errorf("import: %+v, want %+v", got, want)
	}
	deep := imported{Place: place + "deep/_er", Dataset: "coincap/assets", By: "link", Objects: 1, New: 1}
	got, _ := ownerImports(t, s, 0, deep.Place, "--dataset", "coincap/assets", "--wait")
	if deep.Bytes = got.Bytes; got != deep {
		t.Errorf("import: %+v, want %+v", got, deep)
	}
	const all = "asset_id,p bitcoin,2 ethereum,5 solana,2 tron,4"
	if got := prices(t, s); got != all {
		t.Errorf("got %s, want %s", got, all)
	}
	if n := s.Count(t, "select count(*)::integer as n from silver.rejected"); n != 1 {
		t.Errorf("%d rows are refused, want 1", n)
	}
	links, linkA := 0, ""
	for _, o := range s.Objects(t, "bronze/") {
		if o.Key == live {
			continue
		}
		if links++; strings.HasSuffix(o.Key, "/a.json") {
			linkA = o.Key
		}
		if o.Size != 0 || !strings.Contains(o.Key, "/link=") || !strings.Contains(o.Key, "/"+folder+"/") {
			t.Errorf("%s has %d bytes, a link has none", o.Key, o.Size)
		}
	}
	if links != 3 {
		t.Fatalf("%d links, want 3", links)
	}
	if again, _ := ownerImports(t, s, 0, place, "--dataset", "coincap/assets"); again.New != 0 || again.There != 2 {
		t.Errorf("a second import: %+v", again)
	}
	s.Settled(t)
	s.CheckEqual(t)
	if found := s.Reactor(t, "reconcile", "--output", "json"); !strings.Contains(found, `"missed": 0`) && !strings.Contains(found, `"missed":0`) {
		t.Errorf("reconcile: %s", found)
	}
	before := s.Contents(t)
	s.Reactor(t, "replay", "--dataset", "coincap/assets", "--wait")
	s.SameContents(t, "after a replay", before)
	if trace := s.Reactor(t, "trace", "silver.asset_snapshots", "solana", at.Format(time.RFC3339)); !strings.Contains(trace, "link=") {
		t.Errorf("trace: %s", trace)
	}
	if code, body := harness.Get(t, "http://"+reactor.Addr+"/bronze/object?key="+url.QueryEscape(linkA)); code != 200 || !strings.Contains(body, "bitcoin") || !strings.Contains(body, folder+"/a.json") {
		t.Errorf("the console shows of a link: %d\n%s", code, body)
	}

	// A delete marker and a newer version leave the version that the link names.
	s.Remove(t, folder+"/a.json", "")
	s.Put(t, folder+"/deep/_er/b c+%é.json", coin.Assets(at, coin.Asset("solana", "7", "1")), nil)
	s.Reactor(t, "reconcile")
	s.SameContents(t, "after a delete marker and another version", before)
	s.CheckEqual(t)

	// A rebuild from nothing gives the same tables.
	reactor.StopInOrder(t)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(s.Catalog() + suffix); err != nil && suffix == "" {
			t.Fatal(err)
		}
	}
	s.StartReactor(t)
	harness.Eventually(t, "everything is rebuilt", func() bool { return len(s.Ledger(t)) == 4 })
	s.Settled(t)
	s.SameContents(t, "after a rebuild", before)

	// With the original's version the rows go, and what had lost to them comes back.
	s.Remove(t, folder+"/deep/_er/b c+%é.json", b)
	if v := harness.Verdicts(t, s.Run(t, "reactor", "check", "--output", "json"), 1); v["silver.asset_snapshots"].Equal {
		t.Errorf("check does not see that an original is gone: %+v", v)
	}
	if found := s.Reactor(t, "reconcile", "--output", "csv"); !strings.HasPrefix(strings.Split(found, "\n")[1], "3,0,0,0,0,0,1,0,0") {
		t.Errorf("reconcile after an original is gone: %s", found)
	}
	harness.Eventually(t, "its rows are gone", func() bool { return prices(t, s) == "asset_id,p bitcoin,1 ethereum,5 tron,4" })
	s.Settled(t)
	s.CheckEqual(t)
	// What is retracted is the link.
	if r := s.RunEnv(t, s.Env(t, "owner"), "reactor", "retract", linkA); r.Code != 0 || !strings.Contains(r.Stderr, "its original stays") {
		t.Errorf("retract: %s", r)
	}
	if got := prices(t, s); got != "asset_id,p ethereum,5 tron,4" {
		t.Errorf("after a retraction: %s", got)
	}
	s.CheckEqual(t)
}

// Files of this machine and objects of another bucket are copied, with the times of their originals. A run that is killed is gone on with.
func TestFilesAndOtherBucketsAreCopiedIntoBronze(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	at := coin.Day(time.June, 1)
	folder := t.TempDir()
	file := func(name string, storedAt time.Time, list ...string) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, coin.Assets(at, list...), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, storedAt, storedAt); err != nil {
			t.Fatal(err)
		}
	}
	// a.json is put first and is the newer one.
	file("a.json", at.Add(2*time.Hour), coin.Asset("bitcoin", "2", "20"))
	file("sub/b.json", at.Add(time.Hour), coin.Asset("bitcoin", "1", "10"), coin.Asset("solana", "1", "10"))
	file("_temporary/x.json", at, coin.Asset("tron", "9", "9"))
	copied, r := ownerImports(t, s, 0, folder, "--dataset", "coincap/assets", "--wait")
	if copied.By != "copy" || copied.Objects != 2 || copied.New != 2 || !strings.Contains(r.Stderr, "_temporary/x.json: names that begin with _") {
		t.Errorf("import of a folder: %+v, %s", copied, r)
	}
	if got := prices(t, s); got != "asset_id,p bitcoin,2 solana,1" {
		t.Errorf("got %s", got)
	}
	if got := s.CSV(t, "select distinct source_key, source_modified_at::text as at, ingest_date from silver.asset_snapshots order by 1"); !strings.Contains(got,
		fmt.Sprintf("bronze/coincap/assets/ingest_date=%s/at=%d/sub/b.json,%s", at.Format(time.DateOnly), at.Add(time.Hour).UnixMilli(), at.Add(time.Hour).Format("2006-01-02 15:04:05"))) {
		t.Errorf("lineage: %s", got)
	}
	if again, _ := ownerImports(t, s, 0, filepath.Join(folder, "a.json"), "--dataset", "coincap/assets"); again.There != 1 || again.New != 0 {
		t.Errorf("a second import, of one file: %+v", again)
	}

	// What lost its time, such as what an archive of fixed times held.
	file("epoch.json", time.Unix(0, 0), coin.Asset("tron", "3", "1"))
	if _, r := ownerImports(t, s, 1, folder, "--dataset", "coincap/assets"); !strings.Contains(r.Stderr, "--stored-at") {
		t.Errorf("a file of 1970: %s", r)
	}
	ownerImports(t, s, 0, filepath.Join(folder, "epoch.json"), "--dataset", "coincap/assets", "--stored-at", at.Add(time.Hour).Format(time.RFC3339), "--wait")
	if got := prices(t, s); got != "asset_id,p bitcoin,2 solana,1 tron,3" {
		t.Errorf("after --stored-at: %s", got)
	}

	// Another bucket, with keys of its own.
	root, password := "millrace-root", s.Credentials(t).Root
	address := s.Client().EndpointURL()
	other, err := s3.New(address.Host, &s3.Options{Creds: credentials.NewStaticV4(root, password, "")})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.MakeBucket(t.Context(), "archive", s3.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	point := coin.Points(coin.Point(at, "7"))
	if _, err := other.PutObject(t.Context(), "archive", "h/bitcoin.json", bytes.NewReader(point), int64(len(point)), s3.PutObjectOptions{UserMetadata: coin.About("bitcoin", "d1")}); err != nil {
		t.Fatal(err)
	}
	if _, r := ownerImports(t, s, 1, "s3://archive/h/", "--dataset", "coincap/history"); !strings.Contains(r.Stderr, "--from-access-key") {
		t.Errorf("another bucket without its keys: %s", r)
	}
	if got, _ := ownerImports(t, s, 0, "s3://archive/h/", "--dataset", "coincap/history", "--wait", "--from-access-key", root, "--from-secret-key", password); got.By != "copy" || got.New != 1 {
		t.Errorf("import of another bucket: %+v", got)
	}
	if n := s.Count(t, "select price_usd::integer as n from silver.asset_prices where asset_id = 'bitcoin'"); n != 7 {
		t.Errorf("the price of the other bucket is %d, want 7", n)
	}

	// What is bronze already is announced, if the ledger does not know it.
	if got, _ := ownerImports(t, s, 0, "s3://lakehouse/bronze/coincap/assets", "--dataset", "coincap/assets", "--wait"); got.By != "none" || got.New != 0 || got.There != 3 {
		t.Errorf("import of bronze: %+v", got)
	}
	for _, wrong := range [][]string{
		{folder, "--dataset", "coincap/unknown"},
		{"s3://lakehouse/", "--dataset", "coincap/assets"},
		{"s3://lakehouse/silver/asset_prices", "--dataset", "coincap/assets"},
		{"s3://lakehouse/bronze/coincap/history", "--dataset", "coincap/assets"},
		{"gs://x/y", "--dataset", "coincap/assets"},
		{"s3://", "--dataset", "coincap/assets"},
	} {
		ownerImports(t, s, 2, wrong...)
	}
	ownerImports(t, s, 1, filepath.Join(folder, "absent"), "--dataset", "coincap/assets")
	if r := s.Run(t, "reactor", "import", folder, "--dataset", "coincap/assets", "--stored-at", at.Format(time.RFC3339)); r.Code != 1 || !strings.Contains(r.Stderr, "stack env") {
		t.Errorf("import with the reactor's credentials: %s", r)
	}
	s.Settled(t)
	s.CheckEqual(t)
}

// An import that is killed in its middle, more than once, and beside a kill of the reactor, leaves nothing out and nothing twice.
func TestAnImportThatIsKilledGoesOn(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	const files = 1200
	at := coin.Day(time.June, 1)
	for i := range files {
		s.Put(t, fmt.Sprintf("exports/%d.json", i), coin.Assets(at.Add(time.Duration(i)*time.Minute), coin.Asset("bitcoin", fmt.Sprint(i+1), "1")), nil)
	}
	reactor := s.StartReactor(t)
	kills := 0
	for n := 0; n < 20; n++ {
		cmd := exec.Command(harness.Program(t, "reactor"), "import", "s3://lakehouse/exports", "--dataset", "coincap/assets")
		cmd.Env = s.Env(t, "owner")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := len(s.Objects(t, "bronze/"))
		harness.Eventually(t, "it writes", func() bool {
			now := len(s.Objects(t, "bronze/"))
			return now > before+20 || now == files
		})
		_ = cmd.Process.Signal(syscall.SIGKILL)
		if cmd.Wait() != nil {
			kills++
		}
		if n == 1 { // what a dead reactor held comes after ten seconds
			reactor.Kill()
			reactor = s.StartReactor(t)
		}
		if len(s.Objects(t, "bronze/")) == files {
			break
		}
	}
	if kills < 2 {
		t.Errorf("only %d imports were killed in their middle", kills)
	}
	got, _ := ownerImports(t, s, 0, "s3://lakehouse/exports", "--dataset", "coincap/assets", "--wait")
	if got.Objects != files || got.New+got.There != files {
		t.Errorf("the last import: %+v", got)
	}
	s.Settled(t)
	if n := s.Count(t, "select count(*)::integer as n from silver.asset_snapshots"); n != files {
		t.Errorf("%d rows, want %d", n, files)
	}
	if n := len(s.Ledger(t)); n != files {
		t.Errorf("the ledger has %d entries, want %d", n, files)
	}
	s.CheckEqual(t)
	t.Logf("%d kills", kills)
}
