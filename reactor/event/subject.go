package event

import (
	"fmt"
	"strings"

	"millrace/ingestor/bronze"
)

// Layer is the part of the lake that an object belongs to.
type Layer string

// The layers whose objects are announced.
const (
	Bronze Layer = "bronze"
	Silver Layer = "silver"
)

// Route says where an object belongs: the layer, and the dataset ("coincap/assets") or table ("asset_snapshots") in it.
type Route struct {
	Layer Layer
	Name  string
}

// RouteOf returns the route of an object. An error says why no part of millrace will ever take the object.
func RouteOf(o Object) (Route, error) {
	switch {
	case strings.HasPrefix(o.Key, "bronze/"):
		k, err := bronze.ParseKey(o.Key)
		if err != nil {
			return Route{}, err
		}
		return Route{Bronze, k.Source + "/" + k.Dataset}, nil
	case strings.HasPrefix(o.Key, "silver/") && strings.HasSuffix(o.Key, ".metadata.json"):
		// The form is silver/<table>/metadata/<version>-<uuid>.metadata.json (Spark may write .gz.metadata.json).
		table, rest, ok := strings.Cut(strings.TrimPrefix(o.Key, "silver/"), "/")
		if !ok || !strings.HasPrefix(rest, "metadata/") {
			return Route{}, fmt.Errorf("%s: not the metadata of a table at silver/<table>/metadata/", o.Key)
		}
		return Route{Silver, table}, nil
	}
	return Route{}, fmt.Errorf("%s: neither in bronze/ nor the metadata of a table in silver/", o.Key)
}

// Subject returns the subject of the route's events in stream EV: lake.ev.<layer>.<source>.<dataset> or lake.ev.silver.<table>.
// Bytes that have a meaning in subjects are written as %XX.
func (r Route) Subject() string {
	parts := strings.Split(r.Name, "/")
	for i, p := range parts {
		parts[i] = token(p)
	}
	return "lake.ev." + string(r.Layer) + "." + strings.Join(parts, ".")
}

// token turns any text into one token of a NATS subject.
func token(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' || c == '.' || c == '*' || c == '>' || c == '%' || c >= 0x7f:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	if b.Len() == 0 {
		return "%"
	}
	return b.String()
}

// Stray is the subject of objects that no table waits for.
const Stray = "lake.ev.stray"

// SubjectOf returns the subject of an object's event. known tells whether a table waits for a dataset.
func SubjectOf(o Object, known func(dataset string) bool) string {
	route, err := RouteOf(o)
	if err != nil || (route.Layer == Bronze && !known(route.Name)) {
		return Stray
	}
	return route.Subject()
}
