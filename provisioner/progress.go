package provisioner

import (
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/mctr/mctr"
)

// Progress is told how a pull goes on. It is called by one goroutine at a time
// and is to return soon.
type Progress func(Event)

// An Event is a step of a pull.
type Event struct {
	Kind      EventKind
	Reference string
	Digest    digest.Digest // of the blob, or of the manifest once resolved
	Done      int64         // bytes at hand
	Total     int64         // bytes in all
	Host      string        // that asks for patience
	Wait      mctr.Duration // for how long
}

// An EventKind says what happened.
type EventKind string

// What may happen: one Resolved a pull; for each layer either Exists, or
// Fetching (often), Unpacking and Unpacked; one Done. Waiting comes at any time, from a
// server that was asked too often.
const (
	Resolved  EventKind = "resolved"
	Exists    EventKind = "exists"
	Fetching  EventKind = "fetching"
	Unpacking EventKind = "unpacking"
	Unpacked  EventKind = "unpacked"
	Waiting   EventKind = "waiting"
	Done      EventKind = "done"
)

// serial makes p safe for concurrent callers; nil stays silent.
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
