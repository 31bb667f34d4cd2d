package volume

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/compare"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// A Report has all results.
type Report struct {
	Kernel    string      `json:"kernel"`
	Cores     int         `json:"cores"`
	Load      string      `json:"load"` // load averages of 1, 5 and 15 minutes, before
	LoadAfter string      `json:"load_after"`
	Size      int64       `json:"size"`
	Time      string      `json:"time"`
	Rounds    int         `json:"rounds"`
	Volumes   []*Measured `json:"volumes"`
}

// A Measured has the results of one volume.
type Measured struct {
	Name    string           `json:"name"`
	Volume  mctr.NamedVolume `json:"volume"`
	Failed  string           `json:"failed,omitempty"` // why results are missing
	Results []Result         `json:"results"`
	Slots   []Slot           `json:"slots"`
}

// A Metric is the place of a figure in the table of loads.
type Metric int

// SyncMedian is the median of synchronous writes.
const SyncMedian Metric = 2

// A metric is a figure of a load.
type metric struct {
	name, title string
	of          func(*work.Figures) float64
}

var metrics = []metric{
	{"write MiB/s", "Writes in order, with the fsync at the end (more is better)",
		func(f *work.Figures) float64 { return f.Write }},
	{"read MiB/s", "Reads in order, from the storage (more is better)",
		func(f *work.Figures) float64 { return f.Read }},
	{"sync p50 us", "A write of 4 KiB and its fdatasync, median (less is better)",
		func(f *work.Figures) float64 { return f.SyncP50 }},
	{"sync p99 us", "A write of 4 KiB and its fdatasync, 99th percentile (less is better)",
		func(f *work.Figures) float64 { return f.SyncP99 }},
}

// values returns the figures of all slots; there must be some.
func (m *Measured) values(q metric) (volume, disk []float64) {
	for _, s := range m.Slots {
		volume, disk = append(volume, q.of(s.Volume)), append(disk, q.of(s.Disk))
	}
	return volume, disk
}

// Failures counts the checks that failed and the volumes that have not all results.
func (r *Report) Failures() (n int) {
	for _, m := range r.Volumes {
		if m.Failed != "" {
			n++
		}
		for _, result := range m.Results {
			if result.Outcome == Fail {
				n++
			}
		}
	}
	return n
}

// Print writes the tables.
func (r *Report) Print(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Linux %s, %d cores, load %s, afterwards %s\n\n", r.Kernel, r.Cores, r.Load, r.LoadAfter)
	r.printChecks(&out)
	r.printLoads(&out)
	r.printNotes(&out)
	_, err := io.WriteString(w, out.String())
	return err
}

func (r *Report) printChecks(w io.Writer) {
	tabs := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(tabs, "checks\tdriver\tsize MiB")
	for _, c := range checks {
		fmt.Fprint(tabs, "\t", c.Name)
	}
	fmt.Fprintln(tabs)
	for _, m := range r.Volumes {
		size := "-"
		if m.Volume.Size > 0 {
			size = fmt.Sprint(m.Volume.Size >> 20)
		}
		fmt.Fprintf(tabs, "%s\t%s\t%s", m.Name, m.Volume.Driver, size)
		for _, result := range m.Results {
			fmt.Fprint(tabs, "\t", result.Outcome)
		}
		fmt.Fprintln(tabs)
	}
	_ = tabs.Flush() // cannot fail: w is a string
	fmt.Fprintln(w)
}

func (r *Report) printLoads(w io.Writer) {
	if r.Rounds == 0 {
		return
	}
	tabs := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(tabs, "loads")
	for _, q := range metrics {
		fmt.Fprintf(tabs, "\t%s\tdisk\tratio", q.name)
	}
	fmt.Fprintln(tabs)
	for _, m := range r.Volumes {
		if len(m.Slots) == 0 {
			continue
		}
		fmt.Fprint(tabs, m.Name)
		for _, q := range metrics {
			volume, disk := m.values(q)
			ratio := compare.Paired(volume, disk)
			fmt.Fprintf(tabs, "\t%.0f\t%.0f\t%.2f (%.2f-%.2f)", compare.Median(volume), compare.Median(disk), ratio.Mid,
				ratio.Low, ratio.High)
		}
		fmt.Fprintln(tabs)
	}
	_ = tabs.Flush() // cannot fail: w is a string
	fmt.Fprintf(w, "\n%d rounds of up to %d MiB and %s for each part of a load, volume and local disk in turns; "+
		"ratios are medians with 95 %% of bootstrap resamples\n\n", r.Rounds, r.Size>>20, r.Time)
}

func (r *Report) printNotes(w io.Writer) {
	for _, c := range checks {
		fmt.Fprintf(w, "%s: %s\n", c.Name, c.Title)
	}
	fmt.Fprintln(w)
	for _, m := range r.Volumes {
		for _, result := range m.Results {
			if result.Detail != "" {
				fmt.Fprintf(w, "%s, %s: %s: %s\n", m.Name, result.Check, result.Outcome, result.Detail)
			}
		}
		if m.Failed != "" {
			fmt.Fprintf(w, "%s: failed: %s\n", m.Name, m.Failed)
		}
	}
}
