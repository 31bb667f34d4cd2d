package network

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mctr/mctr/benchmarks/network/load"
)

// Options decide how much is measured.
type Options struct {
	Rounds   int
	Duration time.Duration // of one load; a stream takes at least a second
	Conns    int           // connections of the load with many
	Attach   int           // the number of attaches and detaches of each network
	Cases    []Case
	Progress func(text string) // called before each step
}

// A probe is one load, which is the same for every case.
type probe struct {
	name        string
	kind        string
	many        bool // with Options.Conns connections
	size        int
	whole       bool // takes whole seconds
	connections int
}

// probes are the loads of a slot, in their order.
var probes = []probe{
	{name: "rr1", kind: load.RR, size: 1, connections: 1},
	{name: "rrN", kind: load.RR, size: 100, many: true},
	{name: "crr", kind: load.CRR, size: 1, connections: 4},
	{name: "udp", kind: load.UDP, size: 100, connections: 1},
	{name: "stream", kind: load.Stream, size: 1, connections: 1, whole: true},
}

// A Sample is the result of one load of one slot.
type Sample struct {
	load.Result
	CPUNanos uint64 `json:"cpu_nanos"` // of both loaders and the processes that carry their packets
}

// A Slot is one turn of a case, with the baseline's turn beside it.
type Slot struct {
	Case map[string]Sample `json:"case"` // by load
	Base map[string]Sample `json:"base"`
}

// A Measured is a case with all its slots.
type Measured struct {
	Case
	MTU    int      `json:"mtu"`
	Slots  []Slot   `json:"slots"`
	Errors []string `json:"errors,omitempty"`
	Failed string   `json:"failed,omitempty"` // why the case could not be run at all
}

// A bench is a comparison that is running.
type bench struct {
	Options
	client, server host
	targets        map[string]string // the server's address by case
	ports          map[string]load.Ports
}

// Run measures all cases, from client to server, in a new order in each round.
func Run(ctx context.Context, client, server host, o Options) (*Report, error) {
	b := &bench{Options: o, client: client, server: server, targets: map[string]string{},
		ports: map[string]load.Ports{}}
	r, err := b.begin(ctx)
	if err != nil {
		return nil, err
	}
	for round := range o.Rounds {
		for _, i := range rand.Perm(len(r.Cases)) {
			if m := r.Cases[i]; m.Failed == "" {
				o.Progress(fmt.Sprintf("round %d of %d: %s", round+1, o.Rounds, m.Name))
				b.turn(ctx, m)
			}
			if err := ctx.Err(); err != nil {
				return nil, context.Cause(ctx)
			}
		}
	}
	if err := b.attachments(ctx, r); err != nil {
		return nil, err
	}
	after, err := client.Facts(ctx)
	if err != nil {
		return nil, err
	}
	r.LoadAfter = after.Load
	return r, nil
}

// begin starts the loaders of all cases. A case has failed if its loaders cannot be started.
func (b *bench) begin(ctx context.Context) (*Report, error) {
	r := &Report{Rounds: b.Rounds, Duration: b.Duration.String(), Conns: b.Conns, Impossible: impossible}
	base := &Measured{Case: Baseline}
	if err := b.start(ctx, 0, base); err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	for i, c := range b.Cases {
		m := &Measured{Case: c}
		b.Progress("start " + c.Name)
		if err := b.start(ctx, i+1, m); err != nil {
			m.Failed = err.Error()
		}
		r.Cases = append(r.Cases, m)
	}
	var err error
	if r.Client, err = b.client.Facts(ctx); err == nil {
		r.Server, err = b.server.Facts(ctx)
	}
	return r, err
}

func (b *bench) start(ctx context.Context, n int, m *Measured) error {
	name := fmt.Sprintf("case-%d", n)
	p := ports(n)
	served, err := b.server.Start(ctx, Start{Name: name, Where: m.Server, Network: m.Network, Serve: true, Ports: p})
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	asking, err := b.client.Start(ctx, Start{Name: name, Where: m.Client, Network: m.Network, Ports: p})
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	m.MTU, b.targets[m.Name], b.ports[m.Name] = min(served.MTU, asking.MTU), served.Address, p
	if err := errors.Join(b.client.Route(ctx, m.Network, served.Address),
		b.server.Route(ctx, m.Network, asking.Address)); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	return b.reach(ctx, name, m)
}

// reach waits until the server answers a request. A data path may need a moment after its interface
// exists.
func (b *bench) reach(ctx context.Context, name string, m *Measured) error {
	var err error
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline) && ctx.Err() == nil; {
		task := load.Task{Kind: load.RR, Target: b.targets[m.Name], Ports: b.ports[m.Name], Conns: 1, Size: 1,
			Duration: 50 * time.Millisecond}
		if _, err = b.client.Run(ctx, name, task); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the server is not reached: %w", err)
}

// turn measures a case and the baseline, in random order.
func (b *bench) turn(ctx context.Context, m *Measured) {
	slot := Slot{}
	n := slices.IndexFunc(b.Cases, func(c Case) bool { return c.Name == m.Name }) + 1 // 0 is the baseline
	sides := []func() error{
		func() (err error) { slot.Case, err = b.slot(ctx, n, m.Case); return err },
		func() (err error) { slot.Base, err = b.slot(ctx, 0, Baseline); return err },
	}
	if rand.IntN(2) == 0 {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, side := range sides {
		if err := side(); err != nil {
			m.Errors = append(m.Errors, err.Error())
			return // a slot needs both
		}
	}
	m.Slots = append(m.Slots, slot)
}

func (b *bench) slot(ctx context.Context, n int, c Case) (map[string]Sample, error) {
	samples := map[string]Sample{}
	for _, p := range probes {
		s, err := b.sample(ctx, fmt.Sprintf("case-%d", n), c, p)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", c.Name, p.name, err)
		}
		samples[p.name] = *s
	}
	return samples, nil
}

func (b *bench) sample(ctx context.Context, name string, c Case, p probe) (*Sample, error) {
	t := load.Task{Kind: p.kind, Target: b.targets[c.Name], Ports: b.ports[c.Name], Conns: p.connections, Size: p.size,
		Duration: b.Duration}
	if p.many {
		t.Conns = b.Conns
	}
	if p.whole {
		t.Duration = max(b.Duration, time.Second)
	}
	before, err := b.cpu(ctx, name)
	if err != nil {
		return nil, err
	}
	result, err := b.client.Run(ctx, name, t)
	if err != nil {
		return nil, err
	}
	after, err := b.cpu(ctx, name)
	return &Sample{Result: *result, CPUNanos: after - before}, err
}

// cpu returns the processor time of a case on both hosts.
func (b *bench) cpu(ctx context.Context, name string) (uint64, error) {
	here, err := b.client.CPU(ctx, name)
	if err != nil {
		return 0, err
	}
	there, err := b.server.CPU(ctx, name)
	return here + there, err
}

// attachments measures, on the client's host, the plugins of the networks that worked.
func (b *bench) attachments(ctx context.Context, r *Report) error {
	seen := map[string]bool{}
	for _, m := range r.Cases {
		if m.Network == noNetwork || m.Failed != "" || seen[m.Network] || b.Attach == 0 {
			continue
		}
		seen[m.Network] = true
		b.Progress(fmt.Sprintf("attach to %s, %d times", m.Network, b.Attach))
		a, err := b.client.Attach(ctx, m.Network, b.Attach)
		if err != nil {
			return fmt.Errorf("attach to %s: %w", m.Network, err)
		}
		r.Attachments = append(r.Attachments, a)
	}
	return nil
}
