package event

import (
	"errors"
	"fmt"
	"time"
)

// Action says what to do with a delivery.
type Action int

// The three actions.
const (
	Done  Action = iota // acknowledge
	Retry               // deliver again after a delay
	Dead                // to the dead letters, then acknowledge
)

func (a Action) String() string { return [...]string{"done", "retry", "dead"}[a] }

// Class is the kind of reason of a dead letter.
type Class string

// The classes.
const (
	Unreadable Class = "unreadable" // the object's bytes are not what its name says
	TooLarge   Class = "too_large"  // the object is beyond a limit that can be set
	Gone       Class = "gone"       // the object version is no longer there
	Unrouted   Class = "unrouted"   // no table waits for objects of that name
	Hiding     Class = "hiding"     // its key is a folder of other objects and hides them from listings
	Malformed  Class = "malformed"  // the message is not an event
	Audited    Class = "audit"      // gold's rows break a rule
	Model      Class = "model"      // a model of gold cannot be computed
	Other      Class = "other"
)

// Classes lists them all.
var Classes = []Class{Unreadable, TooLarge, Gone, Unrouted, Hiding, Malformed, Audited, Model, Other}

// DeadError marks an error that no retry can mend, because the object itself is wrong. Reason is for people.
type DeadError struct {
	Reason string
	Class  Class
}

func (e *DeadError) Error() string { return e.Reason }

// Deadf makes a DeadError of unknown class.
func Deadf(format string, args ...any) error { return DeadAs(Other, format, args...) }

// DeadAs makes a DeadError of a class.
func DeadAs(class Class, format string, args ...any) error {
	return &DeadError{Reason: fmt.Sprintf(format, args...), Class: class}
}

// Outcome decides what to do with an event. It depends only on the error and on the number of deliveries, from 1. Everything that is
// not known to be the object's own fault is retried for ever: an outage of a week must not turn good objects into dead letters.
func Outcome(err error, delivered uint64) (Action, time.Duration) {
	var dead *DeadError
	switch {
	case err == nil:
		return Done, 0
	case errors.As(err, &dead):
		return Dead, 0
	}
	return Retry, RetryDelay(delivered)
}

// RetryDelay returns the delay before the next delivery. It doubles from 100 ms to a minute.
func RetryDelay(delivered uint64) time.Duration {
	const first, most = 100 * time.Millisecond, time.Minute
	if delivered < 1 {
		delivered = 1
	}
	if delivered > 10 {
		return most
	}
	return min(first<<(delivered-1), most)
}
