package lake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// metadataCodec is the property of a table or view that says how its metadata files are compressed.
const metadataCodec = "write.metadata.compression-codec"

// metadataLocation names a new file for a version of a table's metadata.
func metadataLocation(m table.Metadata, version int) (string, error) {
	return newMetadataLocation(m.Location(), m.Properties(), version)
}

// newMetadataLocation names a new file for a version of the metadata of a table or view. It does not go by iceberg-go's location
// provider, which escapes a location as if it were a URL: other engines take it for a key as it is.
func newMetadataLocation(location string, properties iceberg.Properties, version int) (string, error) {
	var codec string
	switch name := strings.ToLower(properties.Get(metadataCodec, "none")); name {
	case "none", "":
	case "gzip":
		codec = ".gz"
	case "zstd":
		codec = ".zstd"
	default:
		return "", invalid("%s is %q, and metadata can be written with none, gzip or zstd", metadataCodec, name)
	}
	folder := properties.Get("write.metadata.path", strings.TrimRight(location, "/")+"/metadata")
	return fmt.Sprintf("%s/%05d-%s%s.metadata.json", strings.TrimRight(folder, "/"), version, uuid.New(), codec), nil
}

// MetadataVersion reads the number that metadata files begin with: 00012-<uuid>.metadata.json is 12.
func MetadataVersion(location string) (int, error) {
	number, _, _ := strings.Cut(path.Base(location), "-")
	n, err := strconv.Atoi(strings.TrimPrefix(number, "v"))
	if err != nil {
		return 0, fmt.Errorf("%s does not begin with a version number: %w", location, err)
	}
	return n, nil
}

// nextVersion is the number of the metadata after that at location. A table that was registered from a file of another name begins
// anew.
func nextVersion(location string) int {
	version, err := MetadataVersion(location)
	if err != nil {
		return 1
	}
	return version + 1
}

// marshalMetadata writes metadata down as the name of its file says: another reader goes by the name.
func marshalMetadata(location string, m any) ([]byte, error) {
	var b bytes.Buffer
	out, err := compressor(location, &b)
	if err == nil {
		err = json.NewEncoder(out).Encode(m)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("write metadata %s: %w", location, err)
	}
	return b.Bytes(), nil
}

// compressor compresses what is written to it as the name of a metadata file says.
func compressor(location string, to *bytes.Buffer) (io.WriteCloser, error) {
	switch {
	case gzipped(location):
		return gzip.NewWriter(to), nil
	case strings.HasSuffix(location, ".zstd.metadata.json"):
		return zstd.NewWriter(to)
	}
	return plain{to}, nil
}

type plain struct{ *bytes.Buffer }

func (plain) Close() error { return nil }

func gzipped(location string) bool {
	return strings.HasSuffix(location, ".gz.metadata.json") || strings.HasSuffix(location, ".metadata.json.gz")
}

func compressed(location string) bool {
	return gzipped(location) || strings.HasSuffix(location, ".zstd.metadata.json")
}

// largestMetadata bounds a metadata file, and what a compressed one may grow to: a small file can hold gigabytes, and anybody who may
// register tables names one. That of a table with 10,000 snapshots has some 6 MB.
const largestMetadata = 64 << 20

// expand undoes the compression that a metadata file's name tells of.
func expand(location string, b []byte) ([]byte, error) {
	var in io.Reader
	switch {
	case gzipped(location):
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, invalid("read %s: %v", location, err)
		}
		in = z
	case strings.HasSuffix(location, ".zstd.metadata.json"):
		z, err := zstd.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", location, err)
		}
		defer z.Close()
		in = z
	default:
		return b, nil
	}
	whole, err := io.ReadAll(io.LimitReader(in, largestMetadata+1))
	if err != nil {
		return nil, invalid("read %s: %v", location, err)
	}
	if len(whole) > largestMetadata {
		return nil, tooLarge(location)
	}
	return whole, nil
}

func tooLarge(location string) error {
	return invalid("%s has more than %d bytes, which is too much for metadata", location, largestMetadata)
}

// parseMetadata reads a metadata file, which may be compressed.
func parseMetadata(location string, b []byte) (table.Metadata, error) {
	b, err := expand(location, b)
	if err != nil {
		return nil, err
	}
	m, err := table.ParseMetadataBytes(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", location, err)
	}
	return m, nil
}
