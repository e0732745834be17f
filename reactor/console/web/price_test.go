package web

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAPriceShowsTheDigitsThatMatterAndKeepsAll(t *testing.T) {
	for text, want := range map[string]string{
		"166685.667165297443206047": "166\u202f685.67", "4630.170944293568585425": "4\u202f630.1709", "0.99701915190533782033": "0.99701915", "0.000000123456789": "0.00000012345679",
		"-3.5": "-3.5000000", "12345678901": "12\u202f345\u202f678\u202f901.00",
	} {
		got := string(price(json.Number(text)))
		if !strings.Contains(got, ">"+want+"<") || !strings.Contains(got, `title="`+text+`"`) {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
	if got := price(nil); got != "–" {
		t.Errorf("no price is shown as %s", got)
	}
}

func TestACellIsText(t *testing.T) {
	if got, want := string(td(false, `<img src=x>`)), `<td class="w">&lt;img src=x&gt;</td>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(td(true, int64(7))), `<td class="n">7</td>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
