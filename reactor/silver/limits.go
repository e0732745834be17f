package silver

import "fmt"

// Limits bound what one object may cost. Memory is bounded without them. They refuse what would take hours: a few bytes that
// unpack to terabytes, or a Parquet file that repeats one row a billion times. Zero is no limit.
type Limits struct {
	ObjectBytes   int64 // as stored
	UnpackedBytes int64 // out of gzip or Parquet, each time that it is read
	Rows          int64
}

// beyond is the error of an object that is above a limit; flag is that of `reactor run`.
func beyond(what string, limit int64, flag, variable string) error {
	return &Unreadable{Limit: true, Reason: fmt.Sprintf(
		"it %s than the limit of %d: when it is meant to, start the reactor with a higher --%s (%s; 0 is none), then `reactor dlq retry`", what, limit, flag, variable)}
}

// Object is an error when an object of that size is above the limit.
func (l Limits) Object(size int64) error {
	if l.ObjectBytes > 0 && size > l.ObjectBytes {
		return beyond(fmt.Sprintf("has %d bytes, which is more", size), l.ObjectBytes, "max-object-size", "MILLRACE_MAX_OBJECT_SIZE")
	}
	return nil
}

func (l Limits) unpacked(size int64) error {
	if l.UnpackedBytes > 0 && size > l.UnpackedBytes {
		return beyond("unpacks to more bytes", l.UnpackedBytes, "max-unpacked-size", "MILLRACE_MAX_UNPACKED_SIZE")
	}
	return nil
}

func (l Limits) rows(n int64) error {
	if l.Rows > 0 && n > l.Rows {
		return beyond("has more rows", l.Rows, "max-rows", "MILLRACE_MAX_ROWS")
	}
	return nil
}
