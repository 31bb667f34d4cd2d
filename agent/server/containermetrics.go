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

// scrapeTimeout bounds one collection of the metrics of all containers.
const scrapeTimeout = 10 * time.Second

// A containerMetrics collects metrics of the containers when it is scraped. Each running container
// has its own metrics, labelled with its id and name. Counters of exited containers stay in the sums.
type containerMetrics struct {
	*Server
	containers, sessions *prometheus.Desc
	each                 []metric

	mu   sync.Mutex
	seen map[mctr.ContainerID]*mctr.Usage // at the last scrape, of the running containers
	past []float64                        // for each metric, the sum over all containers up to that scrape
}

// A metric is one value in the usage of a container.
type metric struct {
	of     func(*mctr.Usage) float64
	grows  bool             // it is a counter
	single *prometheus.Desc // of one container
	sum    *prometheus.Desc // of all containers
}

// containerLabels are the labels of the metrics of a single container.
var containerLabels = []string{"container_id", "name"}

func newContainerMetrics(s *Server) *containerMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("mctr_"+name, help, labels, nil)
	}
	v := &containerMetrics{
		Server:     s,
		containers: desc("containers", "Containers, by state.", "state"),
		sessions:   desc("sessions", "Sessions that run in containers."),
		seen:       map[mctr.ContainerID]*mctr.Usage{},
	}
	for _, f := range []struct {
		name, what string
		grows      bool
		of         func(*mctr.Usage) float64
	}{
		{"memory_bytes", "memory in use, without page cache that can be dropped at once", false,
			func(u *mctr.Usage) float64 { return float64(u.MemoryBytes) }},
		{"processes", "processes and threads", false, func(u *mctr.Usage) float64 { return float64(u.Pids) }},
		{"cpu_seconds_total", "processor time used", true, func(u *mctr.Usage) float64 {
			return time.Duration(u.CPUNanos).Seconds()
		}},
		{"cpu_throttled_seconds_total", "time with the CPU quota exhausted", true, func(u *mctr.Usage) float64 {
			return time.Duration(u.ThrottledNanos).Seconds()
		}},
		{"read_bytes_total", "bytes read from disks", true, func(u *mctr.Usage) float64 {
			return float64(u.ReadBytes)
		}},
		{"write_bytes_total", "bytes written to disks", true, func(u *mctr.Usage) float64 {
			return float64(u.WriteBytes)
		}},
		{"receive_bytes_total", "bytes received on its own network interfaces", true, received},
		{"transmit_bytes_total", "bytes sent on its own network interfaces", true, sent},
	} {
		sum := "Running containers together: " + f.what + "."
		if f.grows {
			sum = "All containers since the agent's start, together: " + f.what + "."
		}
		v.each = append(v.each, metric{
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

// Describe implements [prometheus.Collector].
func (s *containerMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- s.containers
	to <- s.sessions
	for _, f := range s.each {
		to <- f.single
		to <- f.sum
	}
}

// Collect implements [prometheus.Collector].
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
	now, names, unread := map[mctr.ContainerID]*mctr.Usage{}, map[mctr.ContainerID]string{}, []mctr.ContainerID(nil)
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
		if err != nil { // the container is exiting, or a value cannot be read
			unread = append(unread, id)
			continue
		}
		now[id], names[id] = u, status.Config.Name
	}
	for phase, n := range count {
		to <- prometheus.MustNewConstMetric(s.containers, prometheus.GaugeValue, float64(n), phaseLabel(phase))
	}
	to <- prometheus.MustNewConstMetric(s.sessions, prometheus.GaugeValue, float64(len(s.Server.sessions.list())))
	s.emit(to, now, names, unread)
}

// emit sends the metrics of each container and the sums. The containers in unread are running, but
// their usage could not be read this time.
func (s *containerMetrics) emit(
	to chan<- prometheus.Metric, now map[mctr.ContainerID]*mctr.Usage, names map[mctr.ContainerID]string,
	unread []mctr.ContainerID,
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
				s.past[n] += increase(f.of, s.seen[id], value)
			}
			sum += value
		}
		if f.grows {
			sum = s.past[n]
		}
		to <- prometheus.MustNewConstMetric(f.sum, kind, sum)
	}
	for _, id := range unread { // otherwise the next scrape would count their whole usage again
		if before := s.seen[id]; before != nil {
			now[id] = before
		}
	}
	s.seen = now
}

// increase returns the increase of a counter since the last scrape. A counter that has decreased belongs
// to a container that was started again.
func increase(of func(*mctr.Usage) float64, before *mctr.Usage, now float64) float64 {
	if before == nil || of(before) > now {
		return now
	}
	return now - of(before)
}

// phases are the values of the label state. All of them are reported, also with the count 0.
var phases = []mctr.Phase{
	mctr.Created, mctr.Provisioning, mctr.Preparing, mctr.Fetching, mctr.Isolating, mctr.Running, mctr.Paused,
	mctr.Destroying, mctr.Exited, mctr.Lost, mctr.Damaged,
}

func phaseLabel(p mctr.Phase) string { return strings.ToLower(string(p)) }
