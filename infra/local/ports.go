package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// port is one that the stack is about to listen on.
type port struct {
	number   int
	host     string
	purpose  string // what listens there
	variable string // what the user changes when it is taken
}

// check returns an error if another process has the port. It runs before anything is started. Port 0 is never taken.
func (p port) check() error {
	if p.number == 0 {
		return nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(p.host, strconv.Itoa(p.number)))
	if err != nil {
		return fmt.Errorf("port %d for %s is taken (%w): stop what uses it, or choose another port: %s", p.number, p.purpose, err, p.variable)
	}
	return listener.Close()
}

// portPatience is how long a port may stay taken. The children of a stack that was killed end a moment after it: a start right
// after the kill found the reactor's port still taken.
const portPatience = 3 * time.Second

// await checks until the port is free, or portPatience ends.
func (p port) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, portPatience)
	defer cancel()
	for {
		err := p.check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// splitAddr reads host:port.
func splitAddr(addr string) (host string, number int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	number, err = strconv.Atoi(text)
	if err != nil || number < 0 || number > 65535 {
		return "", 0, errors.New("the port is not a number from 0 to 65535")
	}
	return host, number, nil
}
