package duck

import (
	"fmt"
	"testing"
)

// DuckDB drops a filter that the statistics of the moment say is always true. If rows came in between planning and running a statement,
// they passed: a sum had the rows of a file twice, under an old number and a new one.
func TestAStatementSeesOneStateOfItsTables(t *testing.T) {
	reader := open(t, Config{})
	writer, err := reader.db.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(writer.Close)
	for round := range 20 {
		if err := reader.Exec(t.Context(), "create or replace table rows as select 1 as file, i from range(5) r(i)"); err != nil {
			t.Fatal(err)
		}
		stop, stopped := make(chan struct{}), make(chan error)
		go func() {
			for n := 2; ; n++ {
				select {
				case <-stop:
					stopped <- nil
					return
				default:
				}
				if err := writer.Exec(t.Context(), fmt.Sprintf("insert into rows select %d, i from range(3) r(i)", n)); err != nil {
					stopped <- err
					return
				}
			}
		}()
		for range 50 {
			if n, err := reader.Ints(t.Context(), "select count(*) from rows where file in (1)"); err != nil || n[0] != 5 {
				t.Errorf("round %d: file 1 has %d rows, %v; it has 5", round, n, err)
				break
			}
			if err := reader.Exec(t.Context(), "create or replace temp table seen as from rows where file in (1)"); err != nil {
				t.Fatal(err)
			}
			if n, err := reader.Ints(t.Context(), "select count(*) from seen"); err != nil || n[0] != 5 {
				t.Errorf("round %d: a table of file 1 has %d rows, %v; it has 5", round, n, err)
				break
			}
		}
		close(stop)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
	}
}
