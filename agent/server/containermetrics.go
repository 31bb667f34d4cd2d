package server

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mctr/mctr"
)

// scrapeTimeout bounds a look at all containers.
const scrapeTimeout = 10 * time.Second

// A containerMetrics looks at the containers when it is asked. Each running one has figures of its
// own, by its id and name; those that only grow stay in the sums when it has ended.
type containerMetrics struct {
	*Server
	containers, sessions *prometheus.Desc
	each                 []figure

	mu   sync.Mutex
	seen map[mctr.ContainerID]*mctr.Usage // at the last look, of those that run
	past []float64                        // of each figure, what was used up to that look by all
}

// A figure is one that a container's usage has.
type figure struct {
	of     func(*mctr.Usage) float64
	grows  bool
	single *prometheus.Desc // with the container's id and name
	sum    *prometheus.Desc
}

// containerLabels are the labels of a container's own figures.
var containerLabels = []string{"container_id", "name"}

func newContainerMetrics(s *Server) *containerMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("mctr_"+name, help, labels, nil)
	}
	v := &containerMetrics{
		Server:     s,
		containers: desc("containers", "Containers, by state.", "state"),
		sessions:   desc("sessions", "Sessions that run beside containers' own commands."),
		seen:       map[mctr.ContainerID]*mctr.Usage{},
	}
	for _, f := range []struct {
		name, what string
		grows      bool
		of         func(*mctr.Usage) float64
	}{
		{"memory_bytes", "memory in use, without the page cache that can go at once", false,
			func(u *mctr.Usage) float64 { return float64(u.MemoryBytes) }},
		{"processes", "processes and threads", false, func(u *mctr.Usage) float64 { return float64(u.Pids) }},
		{"cpu_seconds_total", "processor time used", true, func(u *mctr.Usage) float64 {
			return time.Duration(u.CPUNanos).Seconds()
		}},
		{"cpu_throttled_seconds_total", "time for which the quota was used up", true, func(u *mctr.Usage) float64 {
			return time.Duration(u.ThrottledNanos).Seconds()
		}},
		{"read_bytes_total", "bytes read from disks", true, func(u *mctr.Usage) float64 {
			return float64(u.ReadBytes)
		}},
		{"write_bytes_total", "bytes written to disks", true, func(u *mctr.Usage) float64 {
			return float64(u.WriteBytes)
		}},
		{"receive_bytes_total", "bytes received by its own network interfaces", true, received},
		{"transmit_bytes_total", "bytes sent by its own network interfaces", true, sent},
	} {
		sum := "Running containers together: " + f.what + "."
		if f.grows {
			sum = "All containers since the agent's start, together: " + f.what + "."
		}
		v.each = append(v.each, figure{
			of: f.of, grows: f.grows,
			single: desc("container_"+f.name, "A running container: "+f.what+".", containerLabels...),
			sum:    desc("containers_"+f.name, sum),
		})
	}
	v.past = make([]float64, len(v.each))
	return v
}

func received(u *mctr.Usage) (n float64) {
	for _, i := range u.Networks {
		n += float64(i.RxBytes)
	}
	return n
}

func sent(u *mctr.Usage) (n float64) {
	for _, i := range u.Networks {
		n += float64(i.TxBytes)
	}
	return n
}

// Describe names the metrics.
func (s *containerMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- s.containers
	to <- s.sessions
	for _, f := range s.each {
		to <- f.single
		to <- f.sum
	}
}

// Collect looks.
func (s *containerMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	ids, err := s.Server.Local.Containers(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(s.containers, err)
		return
	}
	count := map[mctr.Phase]int{}
	for _, p := range phases {
		count[p] = 0
	}
	now, names, mute := map[mctr.ContainerID]*mctr.Usage{}, map[mctr.ContainerID]string{}, []mctr.ContainerID(nil)
	for _, id := range ids {
		status, err := s.Server.Local.Status(ctx, id)
		if errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		if err != nil {
			to <- prometheus.NewInvalidMetric(s.containers, err)
			return
		}
		count[status.Phase]++
		if !running(status.Phase) {
			continue
		}
		u, err := s.Server.Local.Usage(ctx, id)
		if err != nil { // it ends just now, or one of its figures cannot be had
			mute = append(mute, id)
			continue
		}
		now[id], names[id] = u, status.Config.Name
	}
	for phase, n := range count {
		to <- prometheus.MustNewConstMetric(s.containers, prometheus.GaugeValue, float64(n), phaseLabel(phase))
	}
	to <- prometheus.MustNewConstMetric(s.sessions, prometheus.GaugeValue, float64(len(s.Server.sessions.list())))
	s.emit(to, now, names, mute)
}

// emit gives the figures of each container and of all. Those in mute run, and have no
// figures at this look.
func (s *containerMetrics) emit(
	to chan<- prometheus.Metric, now map[mctr.ContainerID]*mctr.Usage, names map[mctr.ContainerID]string,
	mute []mctr.ContainerID,
) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, f := range s.each {
		kind, sum := prometheus.GaugeValue, 0.0
		if f.grows {
			kind = prometheus.CounterValue
		}
		for id, u := range now {
			value := f.of(u)
			to <- prometheus.MustNewConstMetric(f.single, kind, value, string(id), names[id])
			if f.grows {
				s.past[n] += grown(f.of, s.seen[id], value)
			}
			sum += value
		}
		if f.grows {
			sum = s.past[n]
		}
		to <- prometheus.MustNewConstMetric(f.sum, kind, sum)
	}
	for _, id := range mute { // or else all that it used would be counted again at the next look
		if before := s.seen[id]; before != nil {
			now[id] = before
		}
	}
	s.seen = now
}

// grown is what a figure has grown by since the last look. One that is less than then is
// of a container that was started again.
func grown(of func(*mctr.Usage) float64, before *mctr.Usage, now float64) float64 {
	if before == nil || of(before) > now {
		return now
	}
	return now - of(before)
}

// phases are the states in which a container is counted, also where there is none.
var phases = []mctr.Phase{
	mctr.Created, mctr.Provisioning, mctr.Preparing, mctr.Fetching, mctr.Isolating, mctr.Running, mctr.Paused,
	mctr.Destroying, mctr.Exited, mctr.Lost, mctr.Damaged,
}

func phaseLabel(p mctr.Phase) string { return strings.ToLower(string(p)) }
