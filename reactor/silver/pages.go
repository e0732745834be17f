package silver

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sort"
)

// The kinds of pages in Parquet's format.
const (
	dataPage       = 0
	dictionaryPage = 2
	dataPageV2     = 3
)

// maxPageHeader bounds the text of a page header. It holds the page's smallest and largest value, so it may be long.
const maxPageHeader = 16 << 20

// pageHeader is what a page says of itself.
type pageHeader struct {
	kind               int64
	unpacked, packed   int64
	values             int64
	checksum           uint32
	hasSum, hasDetails bool
}

// readPageHeader reads a header from the beginning of a text, and returns its length. errShort asks for more text.
func readPageHeader(text []byte) (h pageHeader, length int, err error) {
	c := compact{text: text}
	h.kind, h.unpacked, h.packed = -1, -1, -1
	err = c.members(0, func(id int16, kind byte) (bool, error) {
		switch id {
		case 1:
			return c.number(kind, &h.kind)
		case 2:
			return c.number(kind, &h.unpacked)
		case 3:
			return c.number(kind, &h.packed)
		case 4:
			var sum int64
			taken, err := c.number(kind, &sum)
			h.checksum, h.hasSum = uint32(sum), true
			return taken, err
		case 5, 7, 8: // the details of a data page, a dictionary page, a data page of version 2
			if kind != compactStruct {
				return false, fmt.Errorf("details are of type %d", kind)
			}
			h.hasDetails = h.hasDetails || id == 5 && h.kind == dataPage || id == 7 && h.kind == dictionaryPage || id == 8 && h.kind == dataPageV2
			return true, c.members(1, func(id int16, kind byte) (bool, error) {
				if id == 1 {
					return c.number(kind, &h.values)
				}
				return false, nil
			})
		}
		return false, nil
	})
	return h, c.pos, err
}

// chunk is one column in one row group, as the footer claims it. It follows the pages while the library reads them: each
// header is held to the chunk, and each page to its checksum, before the library sees its last byte.
type chunk struct {
	column     string
	start, end int64
	values     int64

	pos    int64  // of the byte that comes next
	head   []byte // of a header that is not complete
	tried  int    // how long head was when it was last parsed
	body   int64  // what is left of the page
	header pageHeader
	sum    uint32
	seen   int64 // values in the pages so far
	page   int   // their number
	lost   bool  // read in another order than from beginning to end
}

func (c *chunk) begin() {
	*c = chunk{column: c.column, start: c.start, end: c.end, values: c.values, pos: c.start}
}

// read takes what was read at a position of the file.
func (c *chunk) read(text []byte, at int64) error {
	if at == c.start {
		c.begin()
	}
	c.lost = c.lost || at != c.pos
	if c.lost {
		return nil
	}
	text = text[:min(int64(len(text)), c.end-at)]
	c.pos += int64(len(text))
	for len(text) > 0 {
		if c.body == 0 && c.seen >= c.values {
			return nil // the library reads no more of it
		}
		var err error
		if c.body > 0 {
			text, err = c.inPage(text)
		} else {
			text, err = c.inHeader(text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *chunk) inPage(text []byte) ([]byte, error) {
	n := min(int64(len(text)), c.body)
	if c.header.hasSum {
		c.sum = crc32.Update(c.sum, crc32.IEEETable, text[:n])
	}
	if c.body -= n; c.body == 0 {
		return text[n:], c.complete()
	}
	return text[n:], nil
}

// complete compares a page with its checksum. Most writers write none.
func (c *chunk) complete() error {
	if c.header.hasSum && c.sum != c.header.checksum {
		return c.broken("its bytes are not those of its checksum: %08x, not %08x", c.sum, c.header.checksum)
	}
	return nil
}

func (c *chunk) inHeader(text []byte) ([]byte, error) {
	before := len(c.head)
	all := text
	if before > 0 {
		c.head = append(c.head, text...)
		all = c.head
		if len(all) < 2*c.tried && c.pos < c.end {
			return nil, nil // parsing it after each few bytes would take the square of its length
		}
	}
	h, length, err := readPageHeader(all)
	switch {
	case errors.Is(err, errShort) && c.pos < c.end && len(all) <= maxPageHeader:
		if before == 0 {
			c.head = slices.Clone(text)
		}
		c.tried = len(all)
		return nil, nil
	case err != nil:
		c.page++
		return nil, c.broken("its header cannot be read: %v", err)
	}
	c.page++
	// The header may end in what came before: then it was complete at a length that was not tried.
	rest := all[length:]
	c.head, c.tried = nil, 0
	if err := c.claims(h, int64(len(rest))); err != nil {
		return nil, err
	}
	c.header, c.body, c.sum = h, h.packed, 0
	if c.body == 0 {
		return rest, c.complete()
	}
	return rest, nil
}

// claims holds a header to its chunk. read is how many bytes behind the header have been read.
func (c *chunk) claims(h pageHeader, read int64) error {
	left := c.end - c.pos + read
	switch {
	case h.kind != dataPage && h.kind != dictionaryPage && h.kind != dataPageV2:
		return c.broken("it is of the unknown kind %d", h.kind)
	case !h.hasDetails:
		return c.broken("its header lacks what belongs to its kind")
	case h.packed < 0 || h.packed > left:
		return c.broken("it claims %d bytes where %d are left", h.packed, left)
	case h.unpacked < 0 || h.unpacked > parquetPage:
		return c.broken("it claims %d bytes unpacked; at most %d are read", h.unpacked, parquetPage)
	case h.values < 0:
		return c.broken("it claims %d values", h.values)
	case h.kind == dictionaryPage && h.values > h.unpacked:
		return c.broken("it claims %d values in %d bytes", h.values, h.unpacked)
	case h.kind == dictionaryPage:
		return nil
	case h.values > c.values-c.seen:
		return c.broken("it claims %d values where %d are left", h.values, c.values-c.seen)
	}
	c.seen += h.values
	return nil
}

func (c *chunk) broken(format string, args ...any) error {
	return unreadable("its Parquet is broken: page %d of %s at byte %d: %s",
		c.page, quote([]byte(c.column)), c.start, fmt.Sprintf(format, args...))
}

// chunks are those of a file by where they begin; they do not overlap.
type chunks []*chunk

// read tells the chunk that holds the position what was read there. What lies outside of chunks are footer and indexes.
func (c chunks) read(text []byte, at int64) error {
	i := sort.Search(len(c), func(i int) bool { return c[i].end > at })
	if i == len(c) || at < c[i].start {
		return nil
	}
	return c[i].read(text, at)
}
