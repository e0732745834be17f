package stream

import "millrace/infra/tracing"

// TraceID is the id of the trace in which an event was worked on, as a collector has it; "" for an id that is none. parent is the
// traceparent that the object's metadata carry: a live event is a part of that trace, and a replay has a trace of its own.
func TraceID(eventID, run, parent string) string {
	if run == "" {
		if id := tracing.TraceID(parent); id != "" {
			return id
		}
	}
	if id := traceIdentity(eventID, run); len(id) >= 32 {
		return id[:32]
	}
	return ""
}
