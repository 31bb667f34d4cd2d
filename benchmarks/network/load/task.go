package load

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of load.
const (
	RR     = "rr"     // a request and its response, over connections that stay
	CRR    = "crr"    // a connection for each request
	UDP    = "udp"    // a datagram and its answer
	Stream = "stream" // as much as goes, by iperf3
)

// Ports are where a server listens; each is the same inside and outside.
type Ports struct {
	TCP    int `json:"tcp"`    // rr and crr
	UDP    int `json:"udp"`    // udp
	Stream int `json:"stream"` // iperf3's
}

// A Task is one load.
type Task struct {
	Kind     string        `json:"kind"`
	Target   string        `json:"target"` // an address
	Ports    Ports         `json:"ports"`
	Conns    int           `json:"conns"` // at once
	Size     int           `json:"size"`  // bytes of request and response, 1 to 64 KiB
	Duration time.Duration `json:"duration"`

	end time.Time // when no transaction is begun any more
}

const maxSize = 64 << 10

func (t *Task) validate() error {
	if t.Conns < 1 || t.Size < 1 || t.Size > maxSize || t.Duration <= 0 || t.Duration > time.Minute {
		return fmt.Errorf("task %+v: want a connection or more, 1 to %d bytes, and a duration up to a minute", *t,
			maxSize)
	}
	return nil
}

// A Result is what a task came to. Latencies are microseconds.
type Result struct {
	Transactions int64   `json:"transactions"`
	Errors       int64   `json:"errors"` // transactions that failed or were lost
	FirstError   string  `json:"first_error,omitempty"`
	Seconds      float64 `json:"seconds"`
	TPS          float64 `json:"tps"`
	P50          float64 `json:"p50"`
	P90          float64 `json:"p90"`
	P99          float64 `json:"p99"`
	Gbits        float64 `json:"gbits"` // per second, received
	Bytes        int64   `json:"bytes"`
}

// ErrNothing is a task without a single transaction.
var ErrNothing = errors.New("not one transaction")
