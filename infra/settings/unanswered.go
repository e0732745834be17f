package settings

import (
	"errors"
	"net"
)

// Unanswered is a failure because nothing answers at an address that the lakehouse needs. Usually no stack runs.
type Unanswered struct {
	Part    string // what should answer there
	Address string
	Err     error
}

func (e *Unanswered) Error() string { return e.Err.Error() }

func (e *Unanswered) Unwrap() error { return e.Err }

// Advice says which address does not answer, and what starts it. Package cli prints it after a failed command's error.
func (e *Unanswered) Advice() string {
	return e.Part + " does not answer at " + e.Address + ": " + startHint
}

// NoAnswer makes an error an Unanswered if it is a connection to part that could not be made. It leaves other errors as they are.
func NoAnswer(part string, err error) error {
	var dial *net.OpError
	if !errors.As(err, &dial) || dial.Op != "dial" {
		return err
	}
	address := "its address"
	var name *net.DNSError
	switch {
	case dial.Addr != nil:
		address = dial.Addr.String()
	case errors.As(dial, &name):
		address = name.Name
	}
	return &Unanswered{Part: part, Address: address, Err: err}
}
