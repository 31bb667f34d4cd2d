package operator

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// unknownCall stands for whatever clients make up: labels are few.
const unknownCall = "unknown"

// metrics are what the agent counts. Each is named mctr_..., in seconds and bytes.
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
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
		return prometheus.HistogramOpts{Namespace: "mctr", Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 2, 18)}
	}
	m := &metrics{
		requests:  prometheus.NewCounterVec(counter("api_requests_total", "Calls answered, by type and status code."), []string{"call", "code"}),
		durations: prometheus.NewHistogramVec(histogram("api_request_seconds", "How long calls took; those that stream or wait for as long as they were wanted."), []string{"call"}),
		phases:    prometheus.NewHistogramVec(histogram("task_start_seconds", "How long launches by this agent took in each phase; total is all of it."), []string{"phase"}),
		launches:  prometheus.NewCounter(counter("container_starts_total", "Containers started, by anybody on this host.")),
		ends:      prometheus.NewCounterVec(counter("container_ends_total", "Containers ended, by reason."), []string{"reason"}),
		ooms:      prometheus.NewCounter(counter("container_oom_kills_total", "Containers in which the kernel killed a process for memory.")),
	}
	r.MustRegister(m.requests, m.durations, m.phases, m.launches, m.ends, m.ooms, newSurvey(s), buildInfo(s),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	recovered := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "mctr", Name: "recovered_containers", Help: "What the agent found when it started: adopted, ended without it, or undone launches.",
	}, []string{"as"})
	r.MustRegister(recovered)
	recovered.WithLabelValues("adopted").Set(float64(len(s.Recovered.Adopted)))
	recovered.WithLabelValues("ended").Set(float64(len(s.Recovered.Ended)))
	recovered.WithLabelValues("undone").Set(float64(len(s.Recovered.Undone)))
	return m
}

func buildInfo(s *Server) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "mctr", Name: "build_info", Help: "1; the agent's version.", ConstLabels: prometheus.Labels{"version": s.Version.Version},
	})
	g.Set(1)
	return g
}

func (m *metrics) request(call string, code int, took time.Duration) {
	m.requests.WithLabelValues(call, strconv.Itoa(code)).Inc()
	m.durations.WithLabelValues(call).Observe(took.Seconds())
}

// launching times a launch that begins now by its checkpoints.
func (m *metrics) launching() func(mctr.Timing) {
	var mu sync.Mutex
	begun := time.Now()
	last := begun
	return func(t mctr.Timing) {
		mu.Lock()
		defer mu.Unlock()
		phase := ""
		switch t.Checkpoint {
		case "image":
			phase = word(mctr.Provisioning)
		case "bundle":
			phase = word(mctr.Preparing)
		case "running":
			phase = word(mctr.Isolating)
			m.phases.WithLabelValues("total").Observe(t.At.Sub(begun).Seconds())
		default:
			return
		}
		m.phases.WithLabelValues(phase).Observe(t.At.Sub(last).Seconds())
		last = t.At
	}
}

// watch counts what happens from now on, by whatever process.
func (m *metrics) watch(ctx context.Context, c *containerizer.Containerizer) error {
	since := time.Now()
	for e, err := range c.Events(ctx, true) {
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

// surveyTime bounds a look at all containers.
const surveyTime = 10 * time.Second

// A survey looks at the containers when it is asked.
type survey struct {
	*Server
	containers, memory, pids, cpu, readBytes, writeBytes, sessions *prometheus.Desc
}

func newSurvey(s *Server) *survey {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("mctr_"+name, help, labels, nil)
	}
	return &survey{
		Server:     s,
		containers: desc("containers", "Containers, by state.", "state"),
		memory:     desc("containers_memory_bytes", "Memory that running containers use together."),
		pids:       desc("containers_processes", "Processes and threads of running containers together."),
		cpu:        desc("containers_cpu_seconds", "Processor time that the containers that run now have used together."),
		readBytes:  desc("containers_read_bytes", "What the containers that run now have read from disks together."),
		writeBytes: desc("containers_write_bytes", "What the containers that run now have written to disks together."),
		sessions:   desc("sessions", "Sessions that run beside containers' own commands."),
	}
}

// Describe names the metrics.
func (s *survey) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.containers, s.memory, s.pids, s.cpu, s.readBytes, s.writeBytes, s.sessions} {
		to <- d
	}
}

// Collect looks.
func (s *survey) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), surveyTime)
	defer cancel()
	ids, err := s.Server.Containers.Containers()
	if err != nil {
		to <- prometheus.NewInvalidMetric(s.containers, err)
		return
	}
	count := map[mctr.Phase]int{}
	for _, p := range phases {
		count[p] = 0
	}
	var sum mctr.Usage
	for _, id := range ids {
		phase, err := s.add(ctx, id, &sum)
		if errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		if err != nil {
			to <- prometheus.NewInvalidMetric(s.containers, err)
			return
		}
		count[phase]++
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for phase, n := range count {
		gauge(s.containers, float64(n), word(phase))
	}
	gauge(s.memory, float64(sum.MemoryBytes))
	gauge(s.pids, float64(sum.Pids))
	gauge(s.cpu, time.Duration(sum.CPUNanos).Seconds())
	gauge(s.readBytes, float64(sum.ReadBytes))
	gauge(s.writeBytes, float64(sum.WriteBytes))
	gauge(s.sessions, float64(len(s.Server.sessions.list())))
}

// add adds what a container consumes, and tells its phase.
func (s *survey) add(ctx context.Context, id mctr.ContainerID, sum *mctr.Usage) (mctr.Phase, error) {
	status, err := s.Server.Containers.Status(ctx, id)
	if err != nil {
		return "", err
	}
	if !running(status.Phase) {
		return status.Phase, nil
	}
	u, err := s.Server.Containers.Usage(ctx, id)
	if err != nil {
		return status.Phase, nil // it ends just now, or one figure of it cannot be had
	}
	sum.MemoryBytes += u.MemoryBytes
	sum.Pids += u.Pids
	sum.CPUNanos += u.CPUNanos
	sum.ReadBytes += u.ReadBytes
	sum.WriteBytes += u.WriteBytes
	return status.Phase, nil
}

// phases are the states in which a container is counted, also where there is none.
var phases = []mctr.Phase{
	mctr.Created, mctr.Provisioning, mctr.Preparing, mctr.Fetching, mctr.Isolating, mctr.Running, mctr.Paused, mctr.Destroying, mctr.Exited, mctr.Lost,
	mctr.Damaged,
}

func word(p mctr.Phase) string { return strings.ToLower(string(p)) }
