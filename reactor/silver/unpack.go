package silver

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// A page of Parquet says twice how large it is unpacked: in its header, which arrow-go bounds, and in its zstd or snappy
// frame, which nothing does. A fuzzed file of 550 bytes made the library allocate gigabytes. The codecs here hold the frame
// to what the header said; they replace arrow-go's for the process, as it foresees, and unpack sound pages as before.
func init() {
	z, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(fmt.Sprintf("silver: make a zstd decoder: %v", err))
	}
	bind(compress.Codecs.Zstd, func(_ compress.ErrorCodec, room, packed []byte) ([]byte, error) {
		return z.DecodeAll(packed, room[:0])
	})
	bind(compress.Codecs.Snappy, func(library compress.ErrorCodec, room, packed []byte) ([]byte, error) {
		if size, n := binary.Uvarint(packed); n <= 0 || size > uint64(cap(room)) {
			return nil, fmt.Errorf("a snappy block of %d bytes in a page of %d", size, len(room))
		}
		return library.DecodeWithError(room, packed)
	})
}

// bounded is the library's codec, but it unpacks a page only into the room that its header asked for.
type bounded struct {
	compress.ErrorCodec
	compress.StreamingCodec
	unpack func(library compress.ErrorCodec, room, packed []byte) ([]byte, error)
}

func bind(kind compress.Compression, unpack func(library compress.ErrorCodec, room, packed []byte) ([]byte, error)) {
	codec, err := compress.GetCodec(kind)
	if err != nil {
		panic(fmt.Sprintf("silver: bind %s: %v", kind, err))
	}
	library, ok := codec.(compress.ErrorCodec)
	streaming, too := codec.(compress.StreamingCodec)
	if !ok || !too {
		panic(fmt.Sprintf("silver: arrow-go's %s is another kind of codec than this was written for", kind))
	}
	compress.RegisterCodec(kind, bounded{ErrorCodec: library, StreamingCodec: streaming, unpack: unpack})
}

// DecodeWithError unpacks a page. Without room nothing is known about the size, and the library does as it did.
func (b bounded) DecodeWithError(room, packed []byte) ([]byte, error) {
	if cap(room) == 0 {
		return b.ErrorCodec.DecodeWithError(room, packed)
	}
	return b.unpack(b.ErrorCodec, room, packed)
}

// Decode is DecodeWithError for callers that expect a panic.
func (b bounded) Decode(room, packed []byte) []byte {
	out, err := b.DecodeWithError(room, packed)
	if err != nil {
		panic(err)
	}
	return out
}
