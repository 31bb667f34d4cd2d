package server

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
)

// unknownCall stands for whatever clients make up: labels are few.
const unknownCall = "unknown"

// metrics are what the agent counts. Each is named mctr_..., in seconds and bytes.
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	streams   *prometheus.HistogramVec
	phases    *prometheus.HistogramVec
	launches  prometheus.Counter
	ends      *prometheus.CounterVec
	ooms      prometheus.Counter
}

func newMetrics(r *prometheus.Registry, s *Server) *metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "mctr", Name: name, Help: help}
	}
	histogram := func(name, help string) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: "mctr", Name: name, Help: help,
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 18)}
	}
	m := &metrics{
		requests: prometheus.NewCounterVec(counter("api_requests_total", "Calls answered, by type and status code."),
			[]string{"call", "code"}),
		durations: prometheus.NewHistogramVec(
			histogram("api_request_seconds", "How long calls took to be answered, but for those of api_wait_seconds."),
			[]string{"call"}),
		streams: prometheus.NewHistogramVec(
			histogram("api_wait_seconds",
				"How long calls lasted that wait for a container, stream, or bring an image."), []string{"call"}),
		phases: prometheus.NewHistogramVec(
			histogram("task_start_seconds", "How long launches by this agent took in each phase; total is all of it."),
			[]string{"phase"}),
		launches: prometheus.NewCounter(
			counter("container_starts_total", "Containers started, by any process on this host.")),
		ends: prometheus.NewCounterVec(counter("container_ends_total", "Containers ended, by reason."),
			[]string{"reason"}),
		ooms: prometheus.NewCounter(
			counter("container_oom_kills_total", "Containers in which the kernel killed a process for memory.")),
	}
	r.MustRegister(m.requests, m.durations, m.streams, m.phases, m.launches, m.ends, m.ooms, newContainerMetrics(s),
		buildInfo(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	recovered := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "mctr", Name: "recovered_containers",
		Help: "What the agent found when it started: adopted, ended without it, or undone launches.",
	}, []string{"as"})
	r.MustRegister(recovered)
	recovered.WithLabelValues("adopted").Set(float64(len(s.Recovered.Adopted)))
	recovered.WithLabelValues("ended").Set(float64(len(s.Recovered.Ended)))
	recovered.WithLabelValues("undone").Set(float64(len(s.Recovered.Undone)))
	return m
}

func buildInfo(s *Server) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "mctr", Name: "build_info", Help: "1; the agent's version.",
		ConstLabels: prometheus.Labels{"version": s.Version.Version},
	})
	g.Set(1)
	return g
}

func (m *metrics) request(call string, kind Kind, code int, took time.Duration) {
	m.requests.WithLabelValues(call, strconv.Itoa(code)).Inc()
	if kind.long() {
		m.streams.WithLabelValues(call).Observe(took.Seconds())
		return
	}
	m.durations.WithLabelValues(call).Observe(took.Seconds())
}

// launching times a launch by its steps. One that fails counts nowhere.
func (m *metrics) launching() func(mctr.Step) {
	var mu sync.Mutex
	var begun time.Time
	took := map[string]time.Duration{} // by phase
	return func(s mctr.Step) {
		mu.Lock()
		defer mu.Unlock()
		if begun.IsZero() {
			begun = s.Began
		}
		took[phaseOf(s.Name)] += s.Took()
		if s.Name != "running" {
			return
		}
		m.phases.WithLabelValues("total").Observe(s.Ended.Sub(begun).Seconds())
		for phase, took := range took {
			m.phases.WithLabelValues(phase).Observe(took.Seconds())
		}
	}
}

// phaseOf returns the phase that a step of a launch belongs to.
func phaseOf(step string) string {
	switch {
	case step == "intent":
		return phaseLabel(mctr.Created)
	case step == "image":
		return phaseLabel(mctr.Provisioning)
	case strings.HasPrefix(step, "prepare/"):
		return phaseLabel(mctr.Preparing)
	}
	return phaseLabel(mctr.Isolating)
}

// watch counts what happens from now on, by whatever process.
func (m *metrics) watch(ctx context.Context, c agent.Inspector) error {
	since := time.Now()
	for e, err := range c.Events(ctx, mctr.EventOptions{Follow: true}) {
		if err != nil {
			return err
		}
		if e.Time.Before(since) {
			continue
		}
		switch e.Action {
		case mctr.EventStart:
			m.launches.Inc()
		case mctr.EventDie:
			m.ends.WithLabelValues(reason(e.Attributes["reason"])).Inc()
		case mctr.EventOOM:
			m.ooms.Inc()
		}
	}
	return nil
}

// reason is one of few, whatever an event says.
func reason(s string) string {
	if s == "" || len(s) > 40 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return "OTHER"
	}
	return s
}
