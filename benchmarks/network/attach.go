package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// Attachments are the times of attaching and detaching, in milliseconds.
type Attachments struct {
	Network string       `json:"network"`
	N       int          `json:"n"`
	Plugins []PluginTime `json:"plugins"`
	Attach  Span         `json:"attach"`  // with the plugins
	Detach  Span         `json:"detach"`  // with the plugins
	Own     Span         `json:"own"`     // an attach without its plugins
	Summed  Span         `json:"summed"`  // the plugins of an attach together
	Ratio   float64      `json:"ratio"`   // Own to Summed, by their medians
	Pinned  Span         `json:"pinning"` // pinning the namespace, before the attach
}

// A PluginTime is the time of one plugin for a command, from its start to wait4(2).
type PluginTime struct {
	Plugin  string `json:"plugin"`
	Command string `json:"command"`
	Span
}

// A Span has percentiles in milliseconds.
type Span struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func spanOf(d []time.Duration) Span {
	if len(d) == 0 {
		return Span{}
	}
	slices.Sort(d)
	at := func(q int) float64 { return float64(d[min(len(d)*q/100, len(d)-1)].Microseconds()) / 1000 }
	return Span{at(50), at(99)}
}

// calls collects the calls of plugins.
type calls struct {
	mu  sync.Mutex
	all []cni.Call
}

func (c *calls) add(call cni.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, call)
}

func (c *calls) take() []cni.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

// Attach attaches and detaches count namespaces, one after the other.
func (s *Side) Attach(ctx context.Context, name string, count int) (*Attachments, error) {
	if err := s.prepare(ctx, name); err != nil {
		return nil, err
	}
	network, err := s.networks.Find(name)
	if err != nil {
		return nil, err
	}
	m := &measured{plugins: map[[2]string][]time.Duration{}}
	for i := range count {
		if err := errors.Join(ctx.Err(),
			m.once(ctx, s, network, mctr.ContainerID(fmt.Sprintf("attach-%d", i)))); err != nil {
			return nil, err
		}
	}
	return m.sum(name, count), nil
}

type measured struct {
	pin, attach, detach, own, summed []time.Duration
	plugins                          map[[2]string][]time.Duration
}

func (m *measured) once(ctx context.Context, s *Side, network *cni.Network, id mctr.ContainerID) error {
	begin := time.Now()
	if _, err := s.networks.Pin(id); err != nil {
		return err
	}
	m.pin = append(m.pin, time.Since(begin))
	s.calls.take()
	begin = time.Now()
	_, err := s.networks.Attach(ctx, cni.Request{Container: id, Network: network, Interface: "eth0"})
	wall := time.Since(begin)
	if err != nil {
		return errors.Join(err, s.networks.Detach(ctx, id))
	}
	plugins := m.count(s.calls.take())
	m.attach, m.summed, m.own = append(m.attach, wall), append(m.summed, plugins), append(m.own, wall-plugins)
	begin = time.Now()
	err = s.networks.Detach(ctx, id)
	m.detach = append(m.detach, time.Since(begin))
	m.count(s.calls.take())
	return err
}

func (m *measured) count(calls []cni.Call) (sum time.Duration) {
	for _, c := range calls {
		sum += c.Wall
		key := [2]string{c.Plugin, c.Command}
		m.plugins[key] = append(m.plugins[key], c.Wall)
	}
	return sum
}

func (m *measured) sum(name string, count int) *Attachments {
	a := &Attachments{
		Network: name, N: count, Pinned: spanOf(m.pin), Attach: spanOf(m.attach), Detach: spanOf(m.detach),
		Own: spanOf(m.own), Summed: spanOf(m.summed),
	}
	a.Ratio = a.Own.P50 / a.Summed.P50
	for key, took := range m.plugins {
		a.Plugins = append(a.Plugins, PluginTime{key[0], key[1], spanOf(took)})
	}
	order := []string{"STATUS", "ADD", "DEL"}
	slices.SortFunc(a.Plugins, func(x, y PluginTime) int {
		return cmp.Or(slices.Index(order, x.Command)-slices.Index(order, y.Command), cmp.Compare(y.P50, x.P50))
	})
	return a
}
