package coincap

import (
	"strings"
	"testing"
)

func TestNewSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"public API without a key", Config{}, "set COINCAP_API_KEY"},
		{"public API with a key", Config{Key: testKey}, ""},
		{"simulator without a key", Config{BaseURL: "http://127.0.0.1:1/v3"}, ""},
		{"no address", Config{BaseURL: "rest.coincap.io"}, "must look like"},
		{"key in the address", Config{BaseURL: "https://rest.coincap.io/v3?apiKey=" + testKey.Reveal()}, "belongs in COINCAP_API_KEY"},
		{"user in the address", Config{BaseURL: "https://u:" + testKey.Reveal() + "@rest.coincap.io"}, "belongs in COINCAP_API_KEY"},
		{"key without TLS", Config{BaseURL: "http://rest.coincap.io/v3", Key: testKey}, "unencrypted"},
		{"key without TLS to this machine", Config{BaseURL: "http://localhost:1", Key: testKey}, ""},
		{"key with a line end", Config{Key: testKey + "\n"}, "set it again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			switch {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error is %v, want %q", err, tt.want)
			case err != nil && strings.Contains(err.Error(), testKey.Reveal()):
				t.Errorf("the key shows in %v", err)
			}
		})
	}
}
