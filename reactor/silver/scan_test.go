package silver

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// inPieces is a scanner that has to read on all the time.
func inPieces(text []byte, size int) *scanner {
	return &scanner{r: iotest.DataErrReader(&pieces{text: text, size: size}), buf: make([]byte, 0, 4)}
}

type pieces struct {
	text []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(p.size, len(p.text))])
	p.text = p.text[n:]
	return n, nil
}

type scanned struct {
	text string
	size int64
}

// elements of a list, as the scanner finds them; the error is what it met instead of the list's end.
func elements(s *scanner, limit int) (found []scanned, err error) {
	if _, err := s.take(); err != nil {
		return nil, err
	}
	if c, err := s.peek(); err != nil || c == ']' {
		s.pos++
		return nil, err
	}
	for {
		text, size, err := s.value(limit)
		if err != nil {
			return found, err
		}
		found = append(found, scanned{string(text), size})
		if c, err := s.take(); err != nil || c != ',' {
			return found, err
		}
	}
}

func checkElements(t interface{ Fatalf(string, ...any) }, text []byte, size int) {
	whole, wholeErr := elements(scanBytes(text), maxRowBytes)
	parts, partsErr := elements(inPieces(text, size), maxRowBytes)
	if wholeErr != partsErr || len(whole) != len(parts) {
		t.Fatalf("%q: whole %v, %v; in pieces of %d %v, %v", text, whole, wholeErr, size, parts, partsErr)
	}
	for i := range whole {
		if whole[i] != parts[i] || whole[i].size != int64(len(whole[i].text)) {
			t.Fatalf("%q: value %d is %v, in pieces of %d %v", text, i, whole[i], size, parts[i])
		}
	}
	// A limit changes how much of a text is kept, and nothing else.
	short, shortErr := elements(inPieces(text, size), 2)
	if shortErr != wholeErr || len(short) != len(whole) {
		t.Fatalf("%q: whole %v, %v; at most 2 bytes of each %v, %v", text, whole, wholeErr, short, shortErr)
	}
	for i := range whole {
		if short[i].size != whole[i].size || !strings.HasPrefix(whole[i].text, short[i].text) {
			t.Fatalf("%q: value %d is %v, with a limit %v", text, i, whole[i], short[i])
		}
	}
	var want []json.RawMessage
	if json.Unmarshal(text, &want) != nil || want == nil {
		return
	}
	if len(whole) != len(want) || wholeErr != nil {
		t.Fatalf("%q: %d values, %v, want %d", text, len(whole), wholeErr, len(want))
	}
	for i := range want {
		if whole[i].text != string(want[i]) {
			t.Fatalf("%q: value %d is %q, want %q", text, i, whole[i].text, want[i])
		}
	}
}

func TestScannerFindsWhatJSONHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.StringMatching(`(\{"[a\\"{}\[\], ]{0,6}":[0-9]{1,3}\}|"([a{}\[\],]|\\"|\\\\){0,6}"|-?[1-9][0-9]{0,8}|null|true|\[[0-9]?\]|\[\[\],\{\}\])`)).Draw(t, "values")
		space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
		text := space + "[" + space + strings.Join(values, space+","+space) + space + "]"
		checkElements(t, []byte(text), rapid.IntRange(1, 7).Draw(t, "size"))
	})
}

func TestScannerSkipsLongValues(t *testing.T) {
	long := `{"x":"` + strings.Repeat("y", 5000) + `"}`
	for _, size := range []int{1, 100, 10000} {
		found, err := elements(inPieces([]byte("[1,"+long+",3]"), size), 1000)
		if err != nil || len(found) != 3 || found[2].text != "3" || found[1].size != int64(len(long)) || !strings.HasPrefix(long, found[1].text) {
			t.Errorf("in pieces of %d: %d values, %v", size, len(found), err)
		}
		s := inPieces([]byte("1\n"+long+"\n3"), size)
		for _, want := range []int{1, len(long), 1} {
			if _, size, err := s.line(1000); err != nil || size != int64(want) {
				t.Errorf("a line of %d bytes, %v; want %d", size, err, want)
			}
		}
	}
}

// A stream that ended in a number longer than the limit was a panic, which ended the reactor.
func TestScannerSkipsALongNumberAtTheEnd(t *testing.T) {
	long := strings.Repeat("7", 5000)
	for _, size := range []int{1, 100, 10000} {
		s := inPieces([]byte(long), size)
		text, n, err := s.value(1000)
		if err != nil || n != int64(len(long)) || !strings.HasPrefix(long, string(text)) || len(text) == 0 {
			t.Errorf("in pieces of %d: %d bytes, of %d, %v", size, n, len(text), err)
		}
		if _, err := s.peek(); err != io.EOF {
			t.Errorf("in pieces of %d: %v after the number, want the end", size, err)
		}
	}
}

func checkLines(t *testing.T, text []byte, size int) {
	want := bytes.Split(text, []byte("\n"))
	if len(want[len(want)-1]) == 0 {
		want = want[:len(want)-1]
	}
	for _, s := range []*scanner{scanBytes(text), inPieces(text, size)} {
		for i, w := range want {
			got, n, err := s.line(maxRowBytes)
			if err != nil || !bytes.Equal(got, w) || n != int64(len(w)) {
				t.Fatalf("%q: line %d is %q of %d bytes, %v; want %q", text, i, got, n, err, w)
			}
		}
		if _, _, err := s.line(maxRowBytes); err != io.EOF {
			t.Fatalf("%q: no end but %v", text, err)
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range []string{`[1, {"a":"]"},"\"",[[],{}] ]`, `[}`, `[[[[`, "[\"\\", `[1 2]`, "a\n\nb", "\n"} {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		if size < 1 || size > 1000 {
			size = 1
		}
		checkElements(t, text, size)
		checkLines(t, text, size)
	})
}
