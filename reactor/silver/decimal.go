package silver

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// maxDigits is what Iceberg's decimal holds, whatever its scale.
const maxDigits = 38

// number is an exact decimal: value × 10^-scale.
type number struct {
	value decimal128.Num
	// rounded: the text has more decimals than the scale; value is rounded half even.
	rounded bool
	// negative: the text is below zero, also where it rounds to zero.
	negative bool
}

type notNumberError struct{ text []byte }

func (e *notNumberError) Error() string { return quote(e.text) + " is not a number" }

type overflowError struct {
	text             []byte
	precision, scale int
}

func (e *overflowError) Error() string {
	return fmt.Sprintf("%s does not fit decimal(%d,%d): at most %d digits before the point",
		quote(e.text), e.precision, e.scale, e.precision-e.scale)
}

// parseNumber reads [+-]digits[.digits][(e|E)[+-]digits] at the given scale, never through a float. Leading zeros and a
// leading plus are accepted; a space, an underscore, a missing digit on either side of the point are not.
// Its time is linear in the text's length whatever the exponent says: 1e999999999 is refused, 1e-999999999 rounds to 0.
func parseNumber(text []byte, scale int) (number, error) {
	l, ok := layoutOf(text)
	if !ok {
		return number{}, &notNumberError{text: text}
	}
	if l.significant == 0 {
		return number{}, nil
	}
	// The significant digits are 0.d1d2… × 10^point with d1 ≠ 0; the result is made of the first `keep` of them.
	keep := l.point + scale
	n := number{negative: l.negative}
	if keep > maxDigits {
		return number{}, &overflowError{text: text, precision: maxDigits, scale: scale}
	}
	if keep < 0 {
		n.rounded = true
		return n, nil
	}
	hi, lo, rest := digits(text[l.first:l.end], keep)
	n.rounded = rest.next != 0 || rest.more
	if rest.next > 5 || rest.next == 5 && (rest.more || lo&1 == 1) {
		var carry uint64
		lo, carry = bits.Add64(lo, 1, 0)
		hi += carry
	}
	if hi > tenTo38.hi || hi == tenTo38.hi && lo >= tenTo38.lo {
		return number{}, &overflowError{text: text, precision: maxDigits, scale: scale}
	}
	n.value = decimal128.New(int64(hi), lo)
	if l.negative {
		n.value = n.value.Negate()
	}
	return n, nil
}

// layout says where the digits of a number are and where its point stands.
type layout struct {
	negative bool
	// first..end holds the significant digits, possibly with the point among them.
	first, end int
	// significant is the number of digits from the first one that is not 0; zero for a zero.
	significant int
	// point is the position of the decimal point behind the first significant digit, exponent included.
	point int
}

// farExponent is where an exponent stops being counted: no row has enough digits to bring a number back from beyond it,
// and adding it to a length cannot overflow.
const farExponent = 1 << 40

func layoutOf(text []byte) (layout, bool) {
	var l layout
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		l.negative = text[i] == '-'
		i++
	}
	start := i
	for i < len(text) && text[i] == '0' {
		i++
	}
	l.first = i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	if i == start {
		return l, false
	}
	l.significant = i - l.first
	l.point = l.significant
	l.end = i
	if i < len(text) && text[i] == '.' {
		i++
		fraction := i
		if l.significant == 0 {
			for i < len(text) && text[i] == '0' {
				i++
			}
			l.point = fraction - i
			l.first = i
		}
		from := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		if i == fraction {
			return l, false
		}
		l.significant += i - from
		l.end = i
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		exponent, ok := exponentOf(text[i+1:])
		if !ok {
			return l, false
		}
		l.point += exponent
		i = len(text)
	}
	return l, i == len(text)
}

func exponentOf(text []byte) (int, bool) {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, false
	}
	n := 0
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		if n < farExponent {
			n = n*10 + int(c-'0')
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

// remainder is what follows the digits that were kept: the next digit, and whether any behind it is not 0.
type remainder struct {
	next byte
	more bool
}

// digits reads the first keep (≤ 38) digits of text, skipping a point, as a 128-bit integer; missing digits are zeros.
// 19 digits fit a uint64, so it needs two of those and one multiplication.
func digits(text []byte, keep int) (hi, lo uint64, rest remainder) {
	var upper, lower uint64
	i, taken := 0, 0
	for ; i < len(text) && taken < keep; i++ {
		c := text[i]
		if c == '.' {
			continue
		}
		if taken < 19 {
			upper = upper*10 + uint64(c-'0')
		} else {
			lower = lower*10 + uint64(c-'0')
		}
		taken++
	}
	for behind := 0; i < len(text); i++ {
		c := text[i]
		if c == '.' {
			continue
		}
		if behind == 0 {
			rest.next = c - '0'
		} else if c != '0' {
			rest.more = true
			break
		}
		behind++
	}
	if taken < 19 {
		upper *= tenTo[min(keep, 19)-taken]
		taken = min(keep, 19)
	}
	lower *= tenTo[keep-taken]
	if keep <= 19 {
		return 0, upper, rest
	}
	hi, lo = bits.Mul64(upper, tenTo[keep-19])
	var carry uint64
	lo, carry = bits.Add64(lo, lower, 0)
	return hi + carry, lo, rest
}

func isDigit(c byte) bool { return c-'0' <= 9 }

var tenTo = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

var tenTo38 = func() (p struct{ hi, lo uint64 }) {
	p.hi, p.lo = bits.Mul64(tenTo[19], tenTo[19])
	return p
}()

// powerOfTen is 10^exponent at the given scale, or false where that does not fit.
func powerOfTen(exponent, scale int) (decimal128.Num, bool) {
	if exponent+scale >= maxDigits {
		return decimal128.Num{}, false
	}
	return decimal128.GetScaleMultiplier(exponent + scale), true
}
