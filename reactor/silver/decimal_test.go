package silver

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseNumber(t *testing.T) {
	for _, c := range []struct {
		text    string
		scale   int
		want    string
		rounded bool
	}{
		{"0", 28, "0", false},
		{"-0", 28, "0", false},
		{"0.0000000000000000", 28, "0", false},
		{"1", 0, "1", false},
		{"007", 0, "7", false},
		{"+1.5", 18, "1500000000000000000", false},
		{"-1.5", 18, "-1500000000000000000", false},
		{"94173.5456981708231659", 28, "941735456981708231659000000000000", false},
		{"0.0000118692697201", 28, "118692697201000000000000", false},
		{"9.7e-10", 28, "9700000000000000000", false},
		{"1E3", 18, "1000000000000000000000", false},
		{"1e+3", 0, "1000", false},
		{"1200e-2", 0, "12", false},
		{"9999999999.9999999999999999999999999999", 28, strings.Repeat("9", 38), false},
		{"0." + strings.Repeat("0", 27) + "1", 28, "1", false},
		// Half even: down to 0, up to 2, up because of what follows the half.
		{"0.5", 0, "0", true},
		{"1.5", 0, "2", true},
		{"2.5", 0, "2", true},
		{"-2.5", 0, "-2", true},
		{"2.5" + strings.Repeat("0", 60) + "1", 0, "3", true},
		{"0.05", 0, "0", true},
		{"1." + strings.Repeat("1", 60), 18, "1" + strings.Repeat("1", 18), true},
		{"1e-400", 28, "0", true},
		{"1e-999999999999999999999999", 28, "0", true},
		{"0e999999999999999999999999", 28, "0", false},
		{"0." + strings.Repeat("0", 400) + "1e401", 18, "1000000000000000000", false},
	} {
		n, err := parseNumber([]byte(c.text), c.scale)
		if err != nil || n.value.BigInt().String() != c.want || n.rounded != c.rounded {
			t.Errorf("parseNumber(%q, %d) = %s, rounded %v, %v; want %s, rounded %v", c.text, c.scale, n.value.BigInt(), n.rounded, err, c.want, c.rounded)
		}
	}
}

func TestParseNumberRefuses(t *testing.T) {
	for _, c := range []struct{ text, reason string }{
		{"", `"" is not a number`},
		{"NaN", `"NaN" is not a number`},
		{"Infinity", `"Infinity" is not a number`},
		{"abc", `"abc" is not a number`},
		{".5", `".5" is not a number`},
		{"5.", `"5." is not a number`},
		{"-", `"-" is not a number`},
		{"--1", `"--1" is not a number`},
		{" 1", `" 1" is not a number`},
		{"1 ", `"1 " is not a number`},
		{"1,000", `"1,000" is not a number`},
		{"1_000", `"1_000" is not a number`},
		{"0x10", `"0x10" is not a number`},
		{"1e", `"1e" is not a number`},
		{"1e+", `"1e+" is not a number`},
		{"1e1.5", `"1e1.5" is not a number`},
		{"1.2.3", `"1.2.3" is not a number`},
		{"٣", `"٣" is not a number`},
		{"1e400", `"1e400" does not fit decimal(38,28): at most 10 digits before the point`},
		{"1e999999999", `"1e999999999" does not fit decimal(38,28): at most 10 digits before the point`},
		{"10000000000", `"10000000000" does not fit decimal(38,28): at most 10 digits before the point`},
		{"9999999999.99999999999999999999999999995", `"9999999999.99999999999999999999999999995" does not fit decimal(38,28): at most 10 digits before the point`},
		{strings.Repeat("9", 60), `"` + strings.Repeat("9", 60) + `" does not fit decimal(38,28): at most 10 digits before the point`},
	} {
		if n, err := parseNumber([]byte(c.text), 28); err == nil || err.Error() != c.reason {
			t.Errorf("parseNumber(%q) = %v, %v; want %s", c.text, n.value.BigInt(), err, c.reason)
		}
	}
}

// exact is the same by math/big: ok is false where the value does not fit.
func exact(text string, scale int) (value *big.Int, rounded, ok bool) {
	r, _ := new(big.Rat).SetString(text)
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	q, rest := new(big.Int).QuoRem(new(big.Int).Abs(r.Num()), r.Denom(), new(big.Int))
	rounded = rest.Sign() != 0
	switch rest.Lsh(rest, 1).Cmp(r.Denom()) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		if q.Bit(0) == 1 {
			q.Add(q, big.NewInt(1))
		}
	}
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q, rounded, new(big.Int).Abs(q).Cmp(new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)) < 0
}

func checkNumber(t interface{ Fatalf(string, ...any) }, text string, scale int) {
	n, err := parseNumber([]byte(text), scale)
	value, rounded, ok := exact(text, scale)
	if ok != (err == nil) {
		t.Fatalf("parseNumber(%q, %d): %v, but exactly it is %s", text, scale, err, value)
	}
	if err == nil && (n.value.BigInt().Cmp(value) != 0 || n.rounded != rounded || n.negative != (strings.HasPrefix(text, "-") && strings.ContainsAny(strings.FieldsFunc(text, func(r rune) bool { return r == 'e' || r == 'E' })[0], "123456789"))) {
		t.Fatalf("parseNumber(%q, %d) = %s, rounded %v, negative %v; exactly it is %s, rounded %v", text, scale, n.value.BigInt(), n.rounded, n.negative, value, rounded)
	}
}

func TestParseNumberIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[+-]?[0-9]{1,40}(\.[0-9]{1,45})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "text")
		// Ties and carries are where rounding goes wrong.
		if rapid.Bool().Draw(t, "round") {
			text = rapid.StringMatching(`-?(0|[0-9]{1,12}|9{9,11})\.[09]{16,29}[459][09]{0,4}`).Draw(t, "text")
		}
		checkNumber(t, text, rapid.SampledFrom([]int{0, 3, 18, 28}).Draw(t, "scale"))
	})
}

func TestParseNumberTakesNoTimeForAnExponent(t *testing.T) {
	began := time.Now()
	for _, text := range []string{"1e999999999999", "1e-999999999999", "0.1e99999999999999999999999"} {
		for range 1000 {
			_, _ = parseNumber([]byte(text), 28)
		}
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("3,000 numbers with huge exponents took %s", d)
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"1", "-1.5", "94173.5456981708231659", "1e400", "1e-400", "0.0000000005e10", "00.10", "9999999999.99999999999999999999999999995"} {
		f.Add(s, 28)
		f.Add(s, 18)
	}
	f.Fuzz(func(t *testing.T, text string, scale int) {
		if scale < 0 || scale > 37 {
			return
		}
		n, err := parseNumber([]byte(text), scale)
		if _, wrong := err.(*notNumberError); wrong {
			return
		}
		if len(text) < 200 {
			// math/big would need more memory than there is for a huge exponent.
			if l, _ := layoutOf([]byte(text)); l.point < 1000 && l.point > -1000 {
				checkNumber(t, text, scale)
			}
		}
		_ = fmt.Sprint(n, err)
	})
}

// The figure that matters is numbers a second on one core.
func BenchmarkParseNumber(b *testing.B) {
	for _, text := range []string{"94173.5456981708231659", "0.0000118692697201482916337251", "1137176492787.6108331328990334"} {
		b.Run(text, func(b *testing.B) {
			raw := []byte(text)
			for b.Loop() {
				if _, err := parseNumber(raw, 18); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
