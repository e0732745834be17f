package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// port is one that the stack is about to listen on.
type port struct {
	number   int
	host     string
	purpose  string // what listens there
	variable string // what the user changes when it is taken
}

// check tells before anything is started that somebody else has the port. Port 0 is never taken.
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
