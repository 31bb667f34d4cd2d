package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies have three digits from 1 us to 10 s.
const (
	shortest = 1
	longest  = int64(10 * time.Second / time.Microsecond)
	digits   = 3
	// answerTime bounds a response. A datagram without a response in this time is lost.
	answerTime = time.Second
)

// Run runs a task.
func Run(ctx context.Context, t Task) (*Result, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	var client func(context.Context, *Task, *tally) error
	switch t.Kind {
	case RR:
		client = requests
	case CRR:
		client = connections
	case UDP:
		client = datagrams
	case Stream:
		return stream(ctx, &t)
	default:
		return nil, fmt.Errorf("load %q: rr, crr, udp or stream", t.Kind)
	}
	return t.clients(ctx, client)
}

// A tally has the counts of one client.
type tally struct {
	latencies *hdrhistogram.Histogram
	errors    int64
	first     error
}

func (t *tally) took(d time.Duration) {
	_ = t.latencies.RecordValue(min(max(d.Microseconds(), shortest), longest)) // cannot fail: the value is in range
}

func (t *tally) failed(err error) {
	t.errors++
	if t.first == nil {
		t.first = err
	}
}

// clients runs one client for each connection until the time is over.
func (t *Task) clients(ctx context.Context, client func(context.Context, *Task, *tally) error) (*Result, error) {
	tallies := make([]tally, t.Conns)
	var all sync.WaitGroup
	begin := time.Now()
	t.end = begin.Add(t.Duration)
	for i := range tallies {
		tallies[i].latencies = hdrhistogram.New(shortest, longest, digits)
		all.Go(func() {
			if err := client(ctx, t, &tallies[i]); err != nil {
				tallies[i].failed(err)
			}
		})
	}
	all.Wait()
	return t.sum(tallies, time.Since(begin))
}

// on reports whether there is time for another transaction. The first one always runs: on a busy
// machine, a connect alone may take longer than a short task.
func (t *Task) on(ctx context.Context, count *tally) bool {
	first := count.latencies.TotalCount() == 0 && count.errors == 0
	return ctx.Err() == nil && (first || time.Now().Before(t.end))
}

func (t *Task) sum(tallies []tally, elapsed time.Duration) (*Result, error) {
	r := &Result{Seconds: elapsed.Seconds()}
	all := hdrhistogram.New(shortest, longest, digits)
	for _, one := range tallies {
		all.Merge(one.latencies)
		r.Errors += one.errors
		if one.first != nil && r.FirstError == "" {
			r.FirstError = one.first.Error()
		}
	}
	r.Transactions = all.TotalCount()
	if r.Transactions == 0 {
		return nil, fmt.Errorf("%s to %s: %w: %s", t.Kind, t.Target, ErrNothing, r.FirstError)
	}
	r.TPS = float64(r.Transactions) / r.Seconds
	r.P50, r.P90, r.P99 = float64(all.ValueAtQuantile(50)), float64(all.ValueAtQuantile(90)),
		float64(all.ValueAtQuantile(99))
	r.Bytes = r.Transactions * int64(t.Size)
	return r, nil
}

func (t *Task) address(port int) string { return net.JoinHostPort(t.Target, strconv.Itoa(port)) }

// requests sends requests over one connection.
func requests(ctx context.Context, t *Task, count *tally) error {
	conn, err := dial(ctx, "tcp", t.address(t.Ports.TCP))
	if err != nil {
		return err
	}
	defer conn.Close()
	buffer := make([]byte, t.Size)
	for t.on(ctx, count) {
		begin := time.Now()
		if err := exchange(conn, buffer); err != nil {
			return err
		}
		count.took(time.Since(begin))
	}
	return nil
}

// exchange sends the buffer and receives the same number of bytes, or one datagram.
func exchange(conn net.Conn, buffer []byte) error {
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if _, err := conn.Write(buffer); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, buffer)
	return err
}

// connections makes a connection for each transaction, and resets it afterwards. A connection that
// is closed normally would occupy a port for a minute, and the ports would run out.
func connections(ctx context.Context, t *Task, count *tally) error {
	buffer := make([]byte, t.Size)
	for t.on(ctx, count) {
		begin := time.Now()
		err := t.once(ctx, buffer)
		if err != nil {
			count.failed(err)
			continue
		}
		count.took(time.Since(begin))
	}
	return nil
}

func (t *Task) once(ctx context.Context, buffer []byte) error {
	conn, err := dial(ctx, "tcp", t.address(t.Ports.TCP))
	if err != nil {
		return err
	}
	err = exchange(conn, buffer)
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetLinger(0))
	}
	return errors.Join(err, conn.Close())
}

// datagrams sends datagrams, and counts those without an answer as lost.
func datagrams(ctx context.Context, t *Task, count *tally) error {
	conn, err := dial(ctx, "udp", t.address(t.Ports.UDP))
	if err != nil {
		return err
	}
	defer conn.Close()
	buffer := make([]byte, t.Size)
	for t.on(ctx, count) {
		begin := time.Now()
		if err := exchange(conn, buffer); err != nil {
			count.failed(err)
			continue
		}
		count.took(time.Since(begin))
	}
	return nil
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: answerTime}).DialContext(ctx, network, address)
}
