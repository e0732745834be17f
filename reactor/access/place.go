package access

import (
	"fmt"
	"slices"
	"strings"
)

// Folders are those of the bucket in which a table may lie. Silver and gold are the reactor's; what other engines make lies in
// tables/. Bronze is no table: a role that got keys for a folder of it could change what everything is computed from.
var Folders = []string{"silver", "gold", "tables"}

// longestPlace leaves room for the names of files in S3's 1,024 bytes for a key.
const longestPlace = 512

// PlaceError says why a table may not lie somewhere.
type PlaceError struct{ Location, Reason string }

// Error names the place and what is wrong with it.
func (e *PlaceError) Error() string {
	return fmt.Sprintf("a table may not lie at %.200q: %s", e.Location, e.Reason)
}

// Place is the folder of a table in the bucket, such as silver/asset_prices: without the bucket, and without a slash at the end.
type Place string

// NewPlace reads a table's location, such as s3://lakehouse/silver/asset_prices. The error is a *PlaceError.
func NewPlace(bucket, location string) (Place, error) {
	refuse := func(format string, args ...any) (Place, error) {
		return "", &PlaceError{location, fmt.Sprintf(format, args...)}
	}
	scheme, rest, _ := strings.Cut(location, "://")
	if scheme != "s3" && scheme != "s3a" {
		return refuse("it must begin with s3://%s/", bucket)
	}
	if len(location) > longestPlace {
		return refuse("it has more than %d bytes", longestPlace)
	}
	host, key, _ := strings.Cut(rest, "/")
	if host != bucket {
		return refuse("it must lie in the bucket %s", bucket)
	}
	steps := strings.Split(strings.TrimSuffix(key, "/"), "/")
	if !slices.Contains(Folders, steps[0]) || len(steps) < 2 {
		return refuse("it must lie below s3://%[1]s/%[2]s/", bucket, strings.Join(Folders, "/, s3://"+bucket+"/"))
	}
	for _, step := range steps {
		// A star, a question mark or ${…} would be a pattern in the policy of the keys for this folder, and match others.
		if step == "" || step == "." || step == ".." || strings.ContainsFunc(step, unfit) {
			return refuse("the names of its folders must not be empty, . or .., nor have characters other than letters, digits and -_.=%%+@")
		}
	}
	return Place(strings.Join(steps, "/")), nil
}

// unfit tells whether a character may not be in the name of a folder. What URLs, policies and file systems give a meaning to stays
// out.
func unfit(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.=%+@", r)
}

// Overlaps tells whether one place is in the other, or is the other: keys for the one would open the other.
func (p Place) Overlaps(q Place) bool {
	return strings.HasPrefix(string(p)+"/", string(q)+"/") || strings.HasPrefix(string(q)+"/", string(p)+"/")
}

// Holds tells whether a file's address, such as s3://lakehouse/silver/asset_prices/data/1.parquet, is in the place.
func (p Place) Holds(bucket, file string) bool {
	for _, scheme := range []string{"s3://", "s3a://"} {
		if key, ok := strings.CutPrefix(file, scheme+bucket+"/"); ok {
			below, ok := strings.CutPrefix(key, string(p)+"/")
			return ok && below != "" && !slices.Contains(strings.Split(below, "/"), "..")
		}
	}
	return false
}
