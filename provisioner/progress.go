package provisioner

import (
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/mctr/mctr"
)

// Progress receives the events of a pull. It is called by one goroutine at a time
// and should return soon.
type Progress func(Event)

// An Event is a step of a pull.
type Event struct {
	Kind      EventKind
	Reference string
	Digest    digest.Digest // of the blob, or of the manifest once resolved
	Done      int64         // bytes so far
	Total     int64         // bytes in all
	Host      string        // of a Waiting event: the server that is asked later
	Wait      mctr.Duration // of a Waiting event: how long
}

// An EventKind is the kind of an Event.
type EventKind string

// The kinds of events: one Resolved for each pull; for each layer either Exists, or
// Fetching (often), Unpacking and Unpacked; one Done. Waiting comes at any time, if a
// server limits the rate of requests.
const (
	Resolved  EventKind = "resolved"
	Exists    EventKind = "exists"
	Fetching  EventKind = "fetching"
	Unpacking EventKind = "unpacking"
	Unpacked  EventKind = "unpacked"
	Waiting   EventKind = "waiting"
	Done      EventKind = "done"
)

// serial makes p safe for concurrent use; a nil p gets no events.
func serial(p Progress, reference string) Progress {
	if p == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		e.Reference = reference
		p(e)
	}
}
