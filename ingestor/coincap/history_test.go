package coincap

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"millrace/ingestor/bronze"
)

func piece(t *testing.T, from, to string) Piece {
	t.Helper()
	var p Piece
	var err error
	if p.From, err = bronze.ParseDay(from); err == nil {
		p.To, err = bronze.ParseDay(to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAHistoryOfOtherDaysIsAFailureAndNothingIsTriedAgain(t *testing.T) {
	address, simulator := serve(t, SimulatorConfig{Faults: Faults{OtherDays: Fault{Probability: 1}}})
	_, err := newClient(t, Config{BaseURL: address}).History(t.Context(), "bitcoin", D1, piece(t, "2025-06-10", "2025-06-12"))
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != OtherDays || !strings.Contains(err.Error(), "of its 3 points none is of 2025-06-10 to 2025-06-12, the first is of 2025-06-03") {
		t.Errorf("error is %v", err)
	}
	if simulator.Calls() != 1 {
		t.Errorf("%d calls", simulator.Calls())
	}
}

func TestAHistoryWithSomePointsOfOtherDaysIsKeptAndNoted(t *testing.T) {
	day := func(text string) int64 { return piece(t, text, text).Start() }
	tests := []struct {
		name, data, note string
		fails            bool
	}{
		{"all inside", fmt.Sprintf(`[{"time":%d},{"time":%d}]`, day("2025-06-10"), day("2025-06-12")), "", false},
		{"the last millisecond", fmt.Sprintf(`[{"time":%d}]`, day("2025-06-13")-1), "", false},
		{"the next midnight too", fmt.Sprintf(`[{"time":%d},{"time":%d}]`, day("2025-06-12"), day("2025-06-13")), "1 of its 2 points are of other days than 2025-06-10 to 2025-06-12", false},
		{"the next midnight alone", fmt.Sprintf(`[{"time":%d}]`, day("2025-06-13")), "", true},
		{"times as text", fmt.Sprintf(`[{"time":"%d"}]`, day("2025-06-01")), "", true},
		// Odd rows are bronze's to keep and silver's to judge.
		{"no time at all", `[{"priceUsd":"1"},{"time":null},{"time":"soon"},7]`, "", false},
		{"no points", `[]`, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"data":%s,"timestamp":1}`, tt.data)
			}))
			response, err := newClient(t, Config{BaseURL: address}).History(t.Context(), "bitcoin", D1, piece(t, "2025-06-10", "2025-06-12"))
			if (err != nil) != tt.fails {
				t.Fatalf("error is %v", err)
			}
			if err == nil && response.Note != tt.note {
				t.Errorf("note is %q, want %q", response.Note, tt.note)
			}
		})
	}
}

func TestAResponseNamesItsPlace(t *testing.T) {
	address, _ := serve(t, SimulatorConfig{})
	c := newClient(t, Config{BaseURL: address})
	history, err := c.History(t.Context(), "bitcoin", D1, piece(t, "2025-06-10", "2025-06-12"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (bronze.Place{Source: "coincap", Dataset: "history", Stem: "bitcoin_d1_2025-06-10_2025-06-12", Ext: "json"}); history.Place != want {
		t.Errorf("history goes to %+v, want %+v", history.Place, want)
	}
	if history.Subject != "bitcoin" || history.Items != 3 || history.Metadata[bronze.MetaInterval] != "d1" || history.Credits != Credits(len(history.Body)) {
		t.Errorf("history is %+v", history.Response)
	}
	pages, err := c.Top(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := (bronze.Place{Source: "coincap", Dataset: "assets", Stem: "assets_20250701T120000.000Z", Ext: "json"}); pages[0].Place != want {
		t.Errorf("a list goes to %+v, want %+v", pages[0].Place, want)
	}
}

func TestTheSimulatorAnswersWithWhatNobodyAskedFor(t *testing.T) {
	always := Fault{Probability: 1}
	p := piece(t, "2025-06-10", "2025-06-12")
	address, _ := serve(t, SimulatorConfig{Faults: Faults{Missing: always}})
	if r, err := newClient(t, Config{BaseURL: address}).History(t.Context(), "bitcoin", D1, p); err != nil || !r.NotFound() {
		t.Errorf("missing: %+v, %v", r, err)
	}
	address, _ = serve(t, SimulatorConfig{Faults: Faults{Empty: always}})
	if r, err := newClient(t, Config{BaseURL: address}).History(t.Context(), "bitcoin", D1, p); err != nil || r.NotFound() || r.Items != 0 || len(r.Body) == 0 {
		t.Errorf("empty: %+v, %v", r, err)
	}
	address, _ = serve(t, SimulatorConfig{Faults: Faults{OddIDs: always}})
	pages, err := newClient(t, Config{BaseURL: address}).Top(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	ids, skipped, err := IDs(pages)
	if err != nil || len(ids) != 3 || len(skipped) != 2 || !strings.HasPrefix(skipped[0].Subject, `"odd/`) || !strings.HasPrefix(skipped[1].Subject, `"odd `) {
		t.Errorf("odd ids: %q, %q, %v", ids, skipped, err)
	}
}
