package silver

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// quoteLimit is how much of a foreign text a reason shows.
	quoteLimit = 80
	// rawLimit is how much of a refused row is kept.
	rawLimit = 64 << 10
)

// quote shows the beginning of a foreign text in a reason: printable, on one line, short.
func quote(text []byte) string {
	cut := len(text) > quoteLimit
	if cut {
		text = text[:quoteLimit]
		for i := 0; i < utf8.UTFMax && len(text) > 0 && !utf8.RuneStart(text[len(text)-1]); i++ {
			text = text[:len(text)-1]
		}
		if r, _ := utf8.DecodeLastRune(text); r == utf8.RuneError && len(text) > 0 {
			text = text[:len(text)-1]
		}
		return strconv.Quote(string(text)) + "…"
	}
	return strconv.Quote(string(text))
}

// rawText is a refused row as `rejected` keeps it: valid UTF-8 (a broken byte becomes U+FFFD), without NUL, cut at
// rawLimit. size is that of the whole row, of which text may be the beginning only.
func rawText(text []byte, size int64) string {
	if size <= rawLimit {
		return clean(text)
	}
	cut := text[:min(len(text), rawLimit)]
	for i := 1; i < utf8.UTFMax && i < len(cut); i++ {
		if tail := cut[len(cut)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				cut = cut[:len(cut)-i]
			}
			break
		}
	}
	return clean(cut) + "… (cut: " + strconv.FormatInt(size, 10) + " bytes in all)"
}

func clean(text []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(text), "\uFFFD"), "\x00", "\uFFFD")
}
