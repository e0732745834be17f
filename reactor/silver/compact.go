package silver

import (
	"errors"
	"fmt"
)

// The types of values in Thrift's compact protocol, in which Parquet writes its footer and its page headers.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
const (
	compactTrue, compactFalse = 1, 2
	compactByte               = 3
	compactI16, compactI32    = 4, 5
	compactI64                = 6
	compactDouble             = 7
	compactBinary             = 8
	compactList, compactSet   = 9, 10
	compactMap, compactStruct = 11, 12
	compactDepth              = 64 // of structs and lists in each other; Parquet's own have fewer than ten
	compactLongList           = 15 // a length of 15 or more follows the head
)

// errShort says that the text ends before the value does.
var errShort = errors.New("it ends in the middle of a value")

// compact reads Thrift's compact protocol. It allocates nothing, and holds each length to what is left of the text: the
// library allocates first what a text claims, so a flipped bit in 700 bytes could ask for gigabytes.
type compact struct {
	text []byte
	pos  int
}

func (c *compact) take() (byte, error) {
	if c.pos >= len(c.text) {
		return 0, errShort
	}
	c.pos++
	return c.text[c.pos-1], nil
}

func (c *compact) unsigned() (uint64, error) {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := c.take()
		if err != nil {
			return 0, err
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n, nil
		}
	}
	return 0, errors.New("a number is longer than 64 bits")
}

// signed reads a zigzag number: i16, i32 or i64.
func (c *compact) signed() (int64, error) {
	n, err := c.unsigned()
	return int64(n>>1) ^ -int64(n&1), err
}

// length reads how many bytes or elements follow. Each takes at least `each` bytes.
func (c *compact) length(each int) (int, error) {
	n, err := c.unsigned()
	if err != nil {
		return 0, err
	}
	return c.fits(n, each)
}

func (c *compact) fits(n uint64, each int) (int, error) {
	if left := len(c.text) - c.pos; n > uint64(left/each) {
		if n > 1<<31 {
			return 0, fmt.Errorf("a length is %d", n)
		}
		return 0, errShort
	}
	return int(n), nil
}

// members walks through a struct. visit either takes the value, or leaves it, and then it is skipped.
func (c *compact) members(depth int, visit func(id int16, kind byte) (taken bool, err error)) error {
	if depth > compactDepth {
		return fmt.Errorf("its values are nested deeper than %d levels", compactDepth)
	}
	var id int16
	for {
		head, err := c.take()
		if err != nil {
			return err
		}
		if head == 0 {
			return nil
		}
		if step := int16(head >> 4); step > 0 {
			id += step
		} else {
			n, err := c.signed()
			if err != nil {
				return err
			}
			id = int16(n)
		}
		kind := head & 0x0f
		if visit != nil {
			taken, err := visit(id, kind)
			if err != nil {
				return err
			}
			if taken {
				continue
			}
		}
		if kind == compactTrue || kind == compactFalse {
			continue // the member's head holds the value
		}
		if err := c.skip(kind, depth+1); err != nil {
			return err
		}
	}
}

// skip passes over one value. It needs all of it, so it also says whether a text is whole.
func (c *compact) skip(kind byte, depth int) error {
	switch kind {
	case compactTrue, compactFalse, compactByte:
		return c.jump(1)
	case compactI16, compactI32, compactI64:
		_, err := c.unsigned()
		return err
	case compactDouble:
		return c.jump(8)
	case compactBinary:
		n, err := c.length(1)
		if err != nil {
			return err
		}
		return c.jump(n)
	case compactList, compactSet:
		return c.skipList(depth)
	case compactMap:
		return c.skipMap(depth)
	case compactStruct:
		return c.members(depth, nil)
	}
	return fmt.Errorf("a value has the unknown type %d", kind)
}

func (c *compact) jump(n int) error {
	if n > len(c.text)-c.pos {
		return errShort
	}
	c.pos += n
	return nil
}

func (c *compact) skipList(depth int) error {
	head, err := c.take()
	if err != nil {
		return err
	}
	n := int(head >> 4)
	if n == compactLongList {
		if n, err = c.length(1); err != nil {
			return err
		}
	}
	for range n {
		if err := c.element(head&0x0f, depth); err != nil {
			return err
		}
	}
	return nil
}

// element skips a value in a list or a map, where a level of nesting is counted.
func (c *compact) element(kind byte, depth int) error {
	if depth > compactDepth {
		return fmt.Errorf("its values are nested deeper than %d levels", compactDepth)
	}
	return c.skip(kind, depth+1)
}

func (c *compact) skipMap(depth int) error {
	n, err := c.length(2)
	if err != nil || n == 0 {
		return err
	}
	kinds, err := c.take()
	if err != nil {
		return err
	}
	for range n {
		if err := c.element(kinds>>4, depth); err != nil {
			return err
		}
		if err := c.element(kinds&0x0f, depth); err != nil {
			return err
		}
	}
	return nil
}

// number reads an i32 or i64 that a member of that kind holds.
func (c *compact) number(kind byte, into *int64) (taken bool, err error) {
	if kind != compactI16 && kind != compactI32 && kind != compactI64 {
		return false, fmt.Errorf("a number is of type %d", kind)
	}
	*into, err = c.signed()
	return true, err
}
