package access_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"millrace/infra/settings"
	"millrace/reactor/access"
)

var theTokens = settings.Tokens{Owner: "owner-0123456789abcdef", Analyst: "analyst-0123456789abcdef", Reporter: "reporter-0123456789abcdef"}

func TestATokenIsItsRoleAndNothingElseIsAnybody(t *testing.T) {
	tokens, err := access.NewTokens(theTokens)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		header string
		role   access.Role
		err    error
	}{
		{"Bearer owner-0123456789abcdef", access.Owner, nil},
		{"bearer  analyst-0123456789abcdef ", access.Analyst, nil},
		{"Bearer reporter-0123456789abcdef", access.Reporter, nil},
		{"", "", access.ErrNoToken},
		{"Bearer", "", access.ErrNoToken},
		{"Bearer  ", "", access.ErrNoToken},
		{"Basic owner-0123456789abcdef", "", access.ErrNoToken},
		{"owner-0123456789abcdef", "", access.ErrNoToken},
		{"Bearer owner", "", access.ErrWrongToken},
		{"Bearer owner-0123456789abcde", "", access.ErrWrongToken},
		{"Bearer owner-0123456789abcdefg", "", access.ErrWrongToken},
		{"Bearer Owner-0123456789abcdef", "", access.ErrWrongToken},
		{"Bearer owner-0123456789abcdef x", "", access.ErrWrongToken},
		{"Bearer " + strings.Repeat("x", 1<<16), "", access.ErrWrongToken},
	} {
		r := &http.Request{Header: http.Header{"Authorization": {tt.header}}}
		if role, err := tokens.Role(r); role != tt.role || !errors.Is(err, tt.err) {
			t.Errorf("%.40q is %q, %v; want %q, %v", tt.header, role, err, tt.role, tt.err)
		}
	}
	if role, err := (access.Tokens{}).Role(&http.Request{Header: http.Header{"Authorization": {"Bearer owner-0123456789abcdef"}}}); role != "" || !errors.Is(err, access.ErrWrongToken) {
		t.Errorf("without tokens: %q, %v", role, err)
	}
}

func TestASecretIsExchangedByItsOwnerOnly(t *testing.T) {
	tokens, err := access.NewTokens(theTokens)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		id     string
		secret settings.Secret
		role   access.Role
		err    error
	}{
		{"owner", theTokens.Owner, access.Owner, nil},
		{"", theTokens.Analyst, access.Analyst, nil},
		{"owner", theTokens.Analyst, "", access.ErrWrongToken},
		{"owner", "", "", access.ErrWrongToken},
		{"nobody", theTokens.Owner, "", access.ErrWrongToken},
	} {
		role, err := tokens.Exchange(tt.id, tt.secret)
		if !errors.Is(err, tt.err) || role != tt.role {
			t.Errorf("%s: %q, %v; want %q, %v", tt.id, role, err, tt.role, tt.err)
		}
	}
}

func TestTokensThatCanBeGuessedOrMistakenAreRefused(t *testing.T) {
	for _, tt := range []struct {
		tokens settings.Tokens
		want   string
	}{
		{settings.Tokens{}, ""},
		{settings.Tokens{Analyst: theTokens.Analyst}, ""},
		{settings.Tokens{Owner: "0123456789abcde"}, "MILLRACE_OWNER_TOKEN"},
		{settings.Tokens{Reporter: "0123456789 abcdef"}, "MILLRACE_REPORTER_TOKEN"},
		{settings.Tokens{Reporter: "0123456789abcdef\n"}, "MILLRACE_REPORTER_TOKEN"},
		{settings.Tokens{Owner: theTokens.Owner, Analyst: theTokens.Owner}, "give MILLRACE_ANALYST_TOKEN another one"},
	} {
		tokens, err := access.NewTokens(tt.tokens)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.tokens, err, tt.want)
		}
		if tokens.Any() != (tt.tokens.Analyst != "" && err == nil) {
			t.Errorf("%v: anybody has a token: %v", tt.tokens, tokens.Any())
		}
		for _, secret := range []settings.Secret{tt.tokens.Owner, tt.tokens.Analyst, tt.tokens.Reporter} {
			if secret != "" && strings.Contains(fmt.Sprintf("%v %+v %#v %v", tokens, tokens, tokens, err), secret.Reveal()) {
				t.Error("a token shows")
			}
		}
	}
}

func TestOnlyTheOwnerMayWrite(t *testing.T) {
	for role, may := range map[access.Role]bool{access.Owner: true, access.Analyst: false, access.Reporter: false, "": false, "ingestor": false, "Owner": false} {
		if role.MayWrite() != may {
			t.Errorf("%q may write: %v", role, !may)
		}
	}
}
