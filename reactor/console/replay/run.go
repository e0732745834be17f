package replay

import (
	"net/http"
	"strconv"
	"strings"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/lake"
)

// Run is how far a replay is.
type Run struct {
	Run string `json:"run"`
	// Events are those that were published, 0 where the address does not say; Done those that were worked on.
	Events int `json:"events,omitempty"`
	Done   int `json:"done"`
	// Tables have the snapshots that the run made.
	Tables []Written `json:"tables"`

	command string
}

// Written is a snapshot of a table of silver that a replay made.
type Written struct {
	Table    string `json:"table"`
	Snapshot int64  `json:"snapshot"`
	Added    any    `json:"added_rows"`
	Deleted  any    `json:"deleted_rows"`
}

// Ended tells whether all events were worked on.
func (r Run) Ended() bool { return r.Events > 0 && r.Done >= r.Events }

func (p *Pages) run(r *http.Request) (Run, error) {
	found := Run{Run: r.PathValue("run"), Tables: []Written{}}
	// No command follows a replay that somebody else has started; the page's own JSON does.
	found.command = cli.ShellLine("curl", web.Origin(r)+"/api/v1"+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1"))
	if text := r.URL.Query().Get("events"); text != "" {
		var err error
		if found.Events, err = strconv.Atoi(text); err != nil {
			return found, web.BadRequest("events is a number, not %q", text)
		}
	}
	var err error
	if found.Done, err = p.Lake.CountRun(r.Context(), found.Run); err != nil {
		return found, err
	}
	view, err := p.Lake.View(r.Context())
	if err != nil {
		return found, err
	}
	for name, t := range view.Tables {
		for _, s := range t.Meta.Snapshots() {
			if lake.RunOf(&s) != found.Run {
				continue
			}
			found.Tables = append(found.Tables, Written{name, s.SnapshotID, lake.Total(&s, lake.AddedRows), lake.Total(&s, lake.DeletedRows)})
		}
	}
	return found, nil
}
