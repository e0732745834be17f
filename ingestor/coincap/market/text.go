package market

import (
	"math"
	"strconv"
	"strings"
)

// decimalText writes x with exactly so many decimals, never with an exponent. Digits past the 16 that float64 has are
// drawn from the stream, as the API's are real digits there: a reader that goes through float64 must be caught by them.
func decimalText(x float64, decimals int, digits stream, at uint64) string {
	text := []byte(strconv.FormatFloat(x, 'f', decimals, 64))
	significant := 0
	for i, c := range text {
		if c < '0' || c > '9' || (significant == 0 && c == '0') {
			continue
		}
		if significant++; significant > 16 && decimals > 0 && i > len(text)-decimals-1 {
			text[i] = '0' + byte(digits.bits(at+uint64(i))%10)
		}
	}
	return string(text)
}

// amountText writes a supply, which has two decimals, with so many more zeros.
func amountText(x float64, decimals int) string {
	return strconv.FormatFloat(x, 'f', 2, 64) + strings.Repeat("0", decimals-2)
}

// floatText is how the API shows what it computes at the moment of the call: a bare float, without an exponent.
func floatText(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// round cuts a computed level (a supply, a start price) to so many significant digits, as published figures are.
func round(x float64, significant int) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, float64(significant)-math.Ceil(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
