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

// unknownCall is the label for all unknown types of call, so that clients cannot create labels.
const unknownCall = "unknown"

// metrics are the metrics of the agent. Their names begin with mctr_, and their units are seconds and
// bytes.
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
			histogram("api_request_seconds", "Duration of calls, except those of api_wait_seconds."),
			[]string{"call"}),
		streams: prometheus.NewHistogramVec(
			histogram("api_wait_seconds",
				"Duration of calls that wait for a container, stream, or transfer an image."), []string{"call"}),
		phases: prometheus.NewHistogramVec(
			histogram("task_start_seconds", "Duration of launches by this agent, by phase; total is the whole launch."),
			[]string{"phase"}),
		launches: prometheus.NewCounter(
			counter("container_starts_total", "Containers started, by any process on this host.")),
		ends: prometheus.NewCounterVec(counter("container_ends_total", "Containers that exited, by reason."),
			[]string{"reason"}),
		ooms: prometheus.NewCounter(
			counter("container_oom_kills_total", "Containers in which the OOM killer killed a process.")),
	}
	r.MustRegister(m.requests, m.durations, m.streams, m.phases, m.launches, m.ends, m.ooms, newContainerMetrics(s),
		buildInfo(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	recovered := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "mctr", Name: "recovered_containers",
		Help: "Containers found when the agent started: adopted, ended meanwhile, or undone launches.",
	}, []string{"as"})
	r.MustRegister(recovered)
	recovered.WithLabelValues("adopted").Set(float64(len(s.Recovered.Adopted)))
	recovered.WithLabelValues("ended").Set(float64(len(s.Recovered.Ended)))
	recovered.WithLabelValues("undone").Set(float64(len(s.Recovered.Undone)))
	return m
}

func buildInfo(s *Server) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "mctr", Name: "build_info", Help: "Always 1; the label is the version of the agent.",
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

// launching returns a function that records the duration of a launch from its steps. A launch that
// fails is not recorded.
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

// watch counts the events of containers from now on, whichever process causes them.
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

// reason returns the label for the reason in an event, so that events cannot create labels at will.
func reason(s string) string {
	if s == "" || len(s) > 40 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return "OTHER"
	}
	return s
}
