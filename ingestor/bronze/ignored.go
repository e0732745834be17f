package bronze

import "strings"

// Ignored tells why a key below bronze/ brings no data, or "" when it does. S3 tools make an empty object `…/sub/` for a
// folder. Spark, Hive, Delta and others keep markers and unfinished files beside their data, under names that begin with
// `_` or `.` (_SUCCESS, _committed_…, _temporary/, .part-0.crc), and read each other's folders by the same rule. A folder
// that begins with `_` and has an equals sign is a partition, which holds data.
func Ignored(key string) (why string) {
	rest, ok := strings.CutPrefix(key, Prefix)
	if !ok {
		return ""
	}
	if rest == "" || strings.HasSuffix(rest, "/") {
		return "it is the marker of a folder"
	}
	for part := range strings.SplitSeq(rest, "/") {
		switch {
		case strings.HasPrefix(part, linkFolder): // what follows is the key of a link's original, which may have any form
			return ""
		case strings.HasPrefix(part, "."):
			return "names that begin with a dot are not data"
		case strings.HasPrefix(part, "_") && !strings.Contains(part, "="):
			return "names that begin with _ are markers of other engines, or unfinished files"
		case strings.HasSuffix(part, "._COPYING_"):
			return "it is an unfinished copy"
		}
	}
	return ""
}
