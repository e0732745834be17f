package intake

import (
	"fmt"
	"slices"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/silver/silvertest"
)

func TestGroupsAreBounded(t *testing.T) {
	of := func(n int, size int64) []event.Object {
		return slices.Repeat([]event.Object{{Size: size}}, n)
	}
	for _, c := range []struct {
		name    string
		objects []event.Object
		want    []int // sizes of the groups
	}{
		{"none", nil, nil},
		{"one", of(1, 1), []int{1}},
		{"as many as there may be", of(groupObjects, 1), []int{groupObjects}},
		{"one more", of(groupObjects+1, 1), []int{groupObjects, 1}},
		{"by bytes", of(5, groupBytes/2), []int{2, 2, 1}},
		{"without large ones", slices.Concat(of(2, 1), of(3, wholeObject+1), of(1, 1)), []int{3}},
	} {
		var sizes, places []int
		for group := range groups(c.objects) {
			sizes, places = append(sizes, len(group)), append(places, group...)
		}
		if !slices.Equal(sizes, c.want) {
			t.Errorf("%s: groups of %v, want %v", c.name, sizes, c.want)
		}
		if !slices.IsSorted(places) || slices.ContainsFunc(places, func(i int) bool { return c.objects[i].Size > wholeObject }) {
			t.Errorf("%s: places %v", c.name, places)
		}
	}
}

// What cannot be read takes nothing with it, in whichever group it is.
func TestManyObjectsAreFilledIn(t *testing.T) {
	db, err := duck.Open(duck.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	connect := func() *duck.Conn {
		c, err := db.Connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	d := datasets.Get("coincap/assets")
	body := `{"id":"a","priceUsd":"1","timestamp":1795420799000}` + "\n" + `{"id":"b","priceUsd":"x","timestamp":1795420799000}` + "\n"
	in := &Intake{Client: store(t, body), Dataset: d, Rows: connect(), Rejected: connect()}
	if err := in.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	const n, bad = 2*groupObjects + 10, groupObjects + 5
	objects := make([]event.Object, n)
	for i := range objects {
		objects[i] = event.Object{Bucket: "lakehouse", Key: silvertest.Source(d, fmt.Sprintf("%d.ndjson", i)).Key, Version: "v1", ModifiedAt: silvertest.ModifiedAt, Size: int64(len(body))}
	}
	objects[bad].Key = "bronze/nowhere"
	errs, err := in.Fill(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range errs {
		if (err != nil) != (i == bad) {
			t.Errorf("object %d: %v", i, err)
		}
	}
	for name, conn := range map[string]*duck.Conn{"rows": in.Rows, "refused rows": in.Rejected} {
		got, err := conn.Ints(t.Context(), "select count(distinct source_key) from incoming")
		if err != nil || got[0] != n-1 {
			t.Errorf("%s of %v objects, %v; want those of %d", name, got, err, n-1)
		}
	}
	if in.Refused != n-1 {
		t.Errorf("%d refused rows are counted, want %d", in.Refused, n-1)
	}
}
