package server

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/mctr/mctr"
)

// sums returns the sums over all containers of one scrape, by metric.
func sums(t *testing.T, s *containerMetrics, now map[mctr.ContainerID]*mctr.Usage,
	mute ...mctr.ContainerID) map[string]*dto.Metric {
	t.Helper()
	told := make(chan prometheus.Metric, 1000)
	s.emit(told, now, map[mctr.ContainerID]string{"a": "first"}, mute)
	close(told)
	found := map[string]*dto.Metric{}
	for m := range told {
		out := &dto.Metric{}
		if err := m.Write(out); err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(m.Desc().String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		for _, label := range out.GetLabel() {
			name += " " + label.GetName() + "=" + label.GetValue()
		}
		found[name] = out
	}
	return found
}

// TestSumsNeverFall checks that the usage of a container stays in the sums when the container exits,
// and when it is started again and its counters begin at 0.
func TestSumsNeverFall(t *testing.T) {
	s := newContainerMetrics(nil)
	const sum, single = "mctr_containers_cpu_seconds_total",
		"mctr_container_cpu_seconds_total container_id=a name=first"
	used := func(seconds uint64) *mctr.Usage { return &mctr.Usage{CPUNanos: seconds * 1e9, MemoryBytes: 7} }
	for _, look := range []struct {
		now  map[mctr.ContainerID]*mctr.Usage
		want float64
	}{
		{map[mctr.ContainerID]*mctr.Usage{"a": used(3), "b": used(4)}, 7},
		{map[mctr.ContainerID]*mctr.Usage{"a": used(5), "b": used(4)}, 9},
		{map[mctr.ContainerID]*mctr.Usage{"a": used(6)}, 10}, // b has exited
		{map[mctr.ContainerID]*mctr.Usage{"a": used(1)}, 11}, // a was started again
		{nil, 11},
		{map[mctr.ContainerID]*mctr.Usage{"c": used(2)}, 13},
	} {
		found := sums(t, s, look.now)
		if got := found[sum].GetCounter().GetValue(); got != look.want {
			t.Errorf("%v: %g, want %g", look.now, got, look.want)
		}
		if a := look.now["a"]; a != nil && found[single].GetCounter().GetValue() != float64(a.CPUNanos)/1e9 {
			t.Errorf("of a itself: %v", found[single])
		}
		if memory := found["mctr_containers_memory_bytes"].GetGauge().GetValue(); memory != float64(7*len(look.now)) {
			t.Errorf("%v: %g bytes of memory", look.now, memory)
		}
	}
}

// TestSumsCountOnce checks that usage is counted only once, even if it cannot be read at one scrape.
func TestSumsCountOnce(t *testing.T) {
	s := newContainerMetrics(nil)
	looks := []struct {
		now  map[mctr.ContainerID]*mctr.Usage
		mute []mctr.ContainerID
		want float64
	}{
		{map[mctr.ContainerID]*mctr.Usage{"a": {CPUNanos: 3e9}}, nil, 3},
		{map[mctr.ContainerID]*mctr.Usage{}, []mctr.ContainerID{"a", "never-seen"}, 3},
		{map[mctr.ContainerID]*mctr.Usage{"a": {CPUNanos: 5e9}}, nil, 5},
	}
	for i, look := range looks {
		found := sums(t, s, look.now, look.mute...)
		if got := found["mctr_containers_cpu_seconds_total"].GetCounter().GetValue(); got != look.want {
			t.Errorf("look %d: %g seconds, want %g", i, got, look.want)
		}
	}
}
