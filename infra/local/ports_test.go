package main

import (
	"net"
	"strings"
	"testing"
)

func TestCheckNamesPortPurposeAndWayOut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := port{listener.Addr().(*net.TCPAddr).Port, "127.0.0.1", "the broker", "MILLRACE_NATS_PORT=0 takes a free one"}
	err = p.check()
	if err == nil {
		t.Fatal("a taken port is not noticed")
	}
	for _, want := range []string{"for the broker is taken", "MILLRACE_NATS_PORT=0 takes a free one"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.check(); err != nil {
		t.Errorf("a free port is said to be taken: %v", err)
	}
	if err := (port{host: "127.0.0.1"}).check(); err != nil {
		t.Errorf("port 0: %v", err)
	}
}

func TestSplitAddr(t *testing.T) {
	tests := []struct {
		addr   string
		host   string
		number int
		ok     bool
	}{
		{"127.0.0.1:8088", "127.0.0.1", 8088, true},
		{"[::1]:0", "::1", 0, true},
		{":8088", "", 8088, true},
		{"8088", "", 0, false},
		{"127.0.0.1:http", "", 0, false},
		{"127.0.0.1:65536", "", 0, false},
		{"127.0.0.1:-1", "", 0, false},
	}
	for _, tt := range tests {
		host, number, err := splitAddr(tt.addr)
		if (err == nil) != tt.ok || host != tt.host && tt.ok || number != tt.number && tt.ok {
			t.Errorf("%s: %q, %d, %v", tt.addr, host, number, err)
		}
	}
}
