package command

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"millrace/reactor/silver"
)

// bytesFlag is a number of bytes as people write it: 512MiB, 8 GiB, 1000000.
type bytesFlag int64

// UnmarshalText reads it.
func (b *bytesFlag) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%q is no number of bytes such as 512MiB or 8GiB", text)
	}
	*b = bytesFlag(n)
	return nil
}

// limitFlags bound what one object may cost; `run` and `check` must have the same ones.
type limitFlags struct {
	MaxObject   bytesFlag `name:"max-object-size" env:"MILLRACE_MAX_OBJECT_SIZE" default:"8GiB" placeholder:"SIZE" help:"Larger objects become dead letters; 0 is no limit."`
	MaxUnpacked bytesFlag `name:"max-unpacked-size" env:"MILLRACE_MAX_UNPACKED_SIZE" default:"16GiB" placeholder:"SIZE" help:"Objects that unpack to more become dead letters; 0 is no limit."`
	MaxRows     int64     `name:"max-rows" env:"MILLRACE_MAX_ROWS" default:"50000000" placeholder:"N" help:"Objects with more rows become dead letters; 0 is no limit."`
}

func (f limitFlags) limits() silver.Limits {
	return silver.Limits{ObjectBytes: int64(f.MaxObject), UnpackedBytes: int64(f.MaxUnpacked), Rows: f.MaxRows}
}
