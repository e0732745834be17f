package airflow

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"millrace/infra/airflow/airflowtest"
)

const everything = "s3://lakehouse/gold"

// wholes are the changed tables of each event of all gold, oldest first.
func wholes(f *airflowtest.Fake, id int) string {
	var events []string
	for _, extra := range f.Told(id) {
		events = append(events, fmt.Sprint(extra["changed"]))
	}
	return strings.Join(events, " ")
}

func TestAllOfGoldIsOneAssetWhoseEventsNameTheTables(t *testing.T) {
	f := airflowtest.New(t, everything)
	d := newDesk(t, f.At(), Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1})
	d.goes()
	d.commit(rankings(t, 1, "2026-01-01"))
	d.commit(Report{Table: "gold.my_own", SnapshotID: 7, Step: 1})
	d.goes()
	d.commit(rankings(t, 2, "2026-01-02"))
	d.goes()
	d.goes()
	if got, want := wholes(f, 1), "[gold.daily_summary] [gold.my_own gold.rankings] [gold.rankings]"; got != want {
		t.Errorf("changed are %s, want %s", got, want)
	}
	last := f.Told(1)[2]
	if got, want := fmt.Sprint(last["tables"]), "map[gold.daily_summary:100 gold.my_own:7 gold.rankings:2]"; got != want || last["step"] != 2.0 {
		t.Errorf("the last event is %v, want %s", last, want)
	}
	if d.count("gold", sent) != 3 {
		t.Errorf("%d events are counted", d.count("gold", sent))
	}

	// A reactor that starts repeats nothing.
	again := newDesk(t, f.At(), d.catalog...)
	again.goes()
	if n := len(f.Told(1)); n != 3 || again.count("gold", known) != 1 {
		t.Errorf("after a restart there are %d events", n)
	}
}

func TestAllOfGoldIsToldOnceAirflowCanAndADAGAsks(t *testing.T) {
	f := airflowtest.New(t, summaries)
	d := newDesk(t, f.At())
	d.commit(rankings(t, 1, "2026-01-01"))
	d.goes()
	d.goes()
	if d.count("gold", unasked) != 1 {
		t.Errorf("what no DAG names is counted %d times", d.count("gold", unasked))
	}
	f.Set(func() {
		f.Assets[2] = everything
		f.Refuse = func(r *http.Request) int {
			if r.URL.Query().Get("asset_id") == "2" {
				return http.StatusInternalServerError
			}
			return 0
		}
	})
	d.fails("report gold: Airflow answers GET /api/v2/assets/events with 500")
	f.Set(func() { f.Refuse = nil })
	d.goes()
	if got := wholes(f, 2); got != "[gold.rankings]" {
		t.Errorf("changed are %s", got)
	}
}

func TestAnEmptyLakeIsNoNews(t *testing.T) {
	f := airflowtest.New(t, everything)
	d := newDesk(t, f.At())
	d.goes()
	if n := len(f.Told(1)); n != 0 {
		t.Errorf("%d events of nothing", n)
	}
}
