package event

import (
	"errors"
	"fmt"
	"time"
)

// Action is what the delivery of an event comes to.
type Action int

// The three outcomes of working on an event.
const (
	Done  Action = iota // acknowledge
	Retry               // deliver again after a delay
	Dead                // to the dead letters, then acknowledge
)

func (a Action) String() string { return [...]string{"done", "retry", "dead"}[a] }

// Class is the kind of reason that an event is given up for.
type Class string

// The classes.
const (
	Unreadable Class = "unreadable" // the object's bytes are not what its name says
	TooLarge   Class = "too_large"  // the object is beyond a limit that can be set
	Gone       Class = "gone"       // the object version is no longer there
	Unrouted   Class = "unrouted"   // nobody waits for objects of that name
	Hiding     Class = "hiding"     // its key is a folder of other objects, which no listing shows any more
	Malformed  Class = "malformed"  // the message is no event
	Audited    Class = "audit"      // gold's rows break a rule
	Model      Class = "model"      // a model of gold cannot be computed
	Other      Class = "other"
)

// Classes lists them all.
var Classes = []Class{Unreadable, TooLarge, Gone, Unrouted, Hiding, Malformed, Audited, Model, Other}

// DeadError marks an error that no retry can mend: the object itself is wrong. Reason is for people.
type DeadError struct {
	Reason string
	Class  Class
}

func (e *DeadError) Error() string { return e.Reason }

// Deadf makes a DeadError of no class that is known.
func Deadf(format string, args ...any) error { return DeadAs(Other, format, args...) }

// DeadAs makes a DeadError of a class.
func DeadAs(class Class, format string, args ...any) error {
	return &DeadError{Reason: fmt.Sprintf(format, args...), Class: class}
}

// Outcome decides, from nothing but the error and how often the event was delivered (1 for the first time), what
// happens to it. Everything that is not known to be the object's own fault is retried for ever: an outage of a week
// must not turn good objects into dead letters.
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

// RetryDelay doubles from 100 ms to a minute.
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
