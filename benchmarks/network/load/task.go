package load

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of load.
const (
	RR     = "rr"     // requests and responses over permanent connections
	CRR    = "crr"    // a new connection for each request
	UDP    = "udp"    // datagrams and answers
	Stream = "stream" // as much data as possible, by iperf3
)

// Ports are the ports of a server. Each is the same inside and outside of the container.
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
	Conns    int           `json:"conns"` // connections at the same time
	Size     int           `json:"size"`  // bytes of request and response, 1 to 64 KiB
	Duration time.Duration `json:"duration"`

	end time.Time // no transaction begins after this time
}

const maxSize = 64 << 10

func (t *Task) validate() error {
	if t.Conns < 1 || t.Size < 1 || t.Size > maxSize || t.Duration <= 0 || t.Duration > time.Minute {
		return fmt.Errorf("task %+v: want at least one connection, 1 to %d bytes, and at most a minute", *t,
			maxSize)
	}
	return nil
}

// A Result is the result of a task. Latencies are in microseconds.
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

// ErrNothing is the error of a task without a single successful transaction.
var ErrNothing = errors.New("not one transaction")
