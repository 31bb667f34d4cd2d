package network

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/mctr/mctr/benchmarks/compare"
)

// A Report has all results.
type Report struct {
	Rounds      int               `json:"rounds"`
	Duration    string            `json:"duration"`
	Conns       int               `json:"conns"`
	Client      *Facts            `json:"client"`
	Server      *Facts            `json:"server"`
	LoadAfter   string            `json:"load_after"`
	Cases       []*Measured       `json:"cases"`
	Attachments []*Attachments    `json:"attachments,omitempty"`
	Impossible  map[string]string `json:"impossible"`
}

// A metric is a figure of a slot.
type metric struct {
	name string
	of   func(slot map[string]Sample) float64
}

// metrics are the figures of the report.
var metrics = map[string]metric{
	"rr1 p50":    {"one connection, p50 us", func(s map[string]Sample) float64 { return s["rr1"].P50 }},
	"rr1 p90":    {"p90 us", func(s map[string]Sample) float64 { return s["rr1"].P90 }},
	"rr1 p99":    {"p99 us", func(s map[string]Sample) float64 { return s["rr1"].P99 }},
	"rr1 tps":    {"tx/s", func(s map[string]Sample) float64 { return s["rr1"].TPS }},
	"rrN tps":    {"tx/s", func(s map[string]Sample) float64 { return s["rrN"].TPS }},
	"rrN p99":    {"p99 us", func(s map[string]Sample) float64 { return s["rrN"].P99 }},
	"crr tps":    {"connections/s", func(s map[string]Sample) float64 { return s["crr"].TPS }},
	"udp p50":    {"UDP p50 us", func(s map[string]Sample) float64 { return s["udp"].P50 }},
	"udp tps":    {"UDP tx/s", func(s map[string]Sample) float64 { return s["udp"].TPS }},
	"stream":     {"Gbit/s", func(s map[string]Sample) float64 { return s["stream"].Gbits }},
	"cpu per tx": {"CPU us/tx", func(s map[string]Sample) float64 { return perTransaction(s["rrN"]) }},
	"cpu per gb": {"CPU s/GB", func(s map[string]Sample) float64 { return perGigabyte(s["stream"]) }},
}

func perTransaction(s Sample) float64 {
	return float64(s.CPUNanos) / 1e3 / float64(max(s.Transactions, 1))
}

func perGigabyte(s Sample) float64 { return float64(s.CPUNanos) / float64(max(s.Bytes, 1)) }

func (m *Measured) values(name string) (own, base []float64) {
	of := metrics[name].of
	for _, s := range m.Slots {
		own, base = append(own, of(s.Case)), append(base, of(s.Base))
	}
	return own, base
}

// Median returns the median of the case's own slots.
func (m *Measured) Median(name string) float64 {
	own, _ := m.values(name)
	if len(own) == 0 {
		return 0
	}
	return compare.Median(own)
}

// Ratio returns the ratio to the baseline beside it, slot by slot.
func (m *Measured) Ratio(name string) compare.Ratio {
	own, base := m.values(name)
	return compare.Paired(own, base)
}

// lost counts the transactions that failed.
func (m *Measured) lost() (n int64) {
	for _, s := range m.Slots {
		for _, sample := range s.Case {
			n += sample.Errors
		}
	}
	return n + int64(len(m.Errors))
}

// separated reports whether a ratio is outside of the noise, which is the baseline's ratio to
// itself.
func (r *Report) separated(m *Measured, name string) bool {
	noise, own := r.Cases[0].Ratio(name), m.Ratio(name)
	return own.Low > noise.High || own.High < noise.Low
}

func (r *Report) ratioText(m *Measured, name string) string {
	q := m.Ratio(name)
	text := fmt.Sprintf("%.2f (%.2f-%.2f)", q.Mid, q.Low, q.High)
	if m != r.Cases[0] && !r.separated(m, name) {
		text += " not separated"
	}
	return text
}

// Print writes the tables.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "%d rounds of %s a load, every case beside a baseline, in a new order each round\n", r.Rounds,
		r.Duration)
	for _, f := range []struct {
		name string
		*Facts
	}{{"client", r.Client}, {"server", r.Server}} {
		fmt.Fprintf(w, "%s: Linux %s, %d cores, cgroup %s, load %s, %d firewall rules, %s\n", f.name, f.Kernel, f.Cores,
			f.Cgroups, f.Load, f.Rules, f.IPerf)
	}
	fmt.Fprintf(w, "load afterwards %s; ratios are medians with 95 %% of bootstrap resamples\n\n", r.LoadAfter)
	r.table(w, "throughput, as a ratio to direct-direct",
		[]string{fmt.Sprintf("%d connections, tx", r.Conns), "seed", "1 connection, tx", "stream, bits"},
		func(m *Measured) []string {
			seed := "-"
			if m.Seed > 0 {
				seed = fmt.Sprint(m.Seed)
			}
			return []string{r.ratioText(m, "rrN tps"), seed, r.ratioText(m, "rr1 tps"), r.ratioText(m, "stream")}
		})
	r.table(w, "one connection, one byte", []string{"p50 us", "p90 us", "p99 us", "tx/s", "p50 ratio"},
		func(m *Measured) []string {
			return []string{m.text("rr1 p50", 1), m.text("rr1 p90", 1), m.text("rr1 p99", 1), m.text("rr1 tps", 0),
				r.ratioText(m, "rr1 p50")}
		})
	r.table(w, "more loads",
		[]string{fmt.Sprintf("%d conns tx/s", r.Conns), "p99 us", "connections/s", "UDP p50 us", "UDP tx/s", "Gbit/s"},
		func(m *Measured) []string {
			return []string{m.text("rrN tps", 0), m.text("rrN p99", 0), m.text("crr tps", 0), m.text("udp p50", 1),
				m.text("udp tps", 0), m.text("stream", 2)}
		})
	r.table(w, "processor, of both hosts' control groups",
		[]string{"us/tx", "ratio", "s/GB", "ratio", "MTU", "n", "errors"}, func(m *Measured) []string {
			return []string{
				m.text("cpu per tx", 1), r.ratioText(m, "cpu per tx"), m.text("cpu per gb", 2),
				r.ratioText(m, "cpu per gb"), fmt.Sprint(m.MTU), fmt.Sprint(len(m.Slots)), fmt.Sprint(m.lost()),
			}
		})
	r.attachTable(w)
	for _, note := range r.Notes() {
		fmt.Fprintln(w, note)
	}
	return nil
}

func (m *Measured) text(name string, digits int) string {
	return fmt.Sprintf("%.*f", digits, m.Median(name))
}

func (r *Report) table(w io.Writer, title string, columns []string, row func(*Measured) []string) {
	tabs := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tabs, "%s\t%s\n", title, strings.Join(columns, "\t"))
	for _, m := range r.Cases {
		if len(m.Slots) > 0 {
			fmt.Fprintf(tabs, "%s\t%s\n", m.Name, strings.Join(row(m), "\t"))
		}
	}
	fmt.Fprintln(tabs)
	_ = tabs.Flush() // fails, like all writes here, only if the reader has gone
}

func (r *Report) attachTable(w io.Writer) {
	if len(r.Attachments) == 0 {
		return
	}
	tabs := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tabs,
		"attach and detach, ms\tn\tattach p50\tp99\tdetach p50\tp99\tplugins' sum p50\tmctr's own p50\tratio")
	for _, a := range r.Attachments {
		fmt.Fprintf(tabs, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.3f\n", a.Network, a.N, a.Attach.P50,
			a.Attach.P99, a.Detach.P50, a.Detach.P99, a.Summed.P50, a.Own.P50, a.Ratio)
	}
	fmt.Fprintln(tabs)
	fmt.Fprintln(tabs, "plugin, ms from start to wait4\tnetwork\tcommand\tp50\tp99")
	for _, a := range r.Attachments {
		for _, p := range a.Plugins {
			fmt.Fprintf(tabs, "%s\t%s\t%s\t%.1f\t%.1f\n", p.Plugin, a.Network, p.Command, p.P50, p.P99)
		}
	}
	fmt.Fprintln(tabs)
	_ = tabs.Flush() // see table
}

// Notes returns the limits of the figures.
func (r *Report) Notes() []string {
	notes := []string{
		"A ratio is \"not separated\" where its interval meets that of direct-direct against itself (A/A): it may be " +
			"noise.",
		"The seed column is a table that users showed, of other machines and loads; it is an expectation, not a " +
			"reference.",
		"Both hosts are on one machine where the wire is a veth pair: it has no delay, and what a processor does for " +
			"packets counts for more than on a network. Work of softirqs on behalf of others is in no control group.",
	}
	for _, m := range r.Cases {
		if m.Imitation != "" && m.Failed == "" {
			notes = append(notes, fmt.Sprintf("%s is an imitation %s.", m.Name, m.Imitation))
		}
		if m.Failed != "" {
			notes = append(notes, fmt.Sprintf("%s was not run: %s", m.Name, m.Failed))
		}
		for _, e := range m.Errors {
			notes = append(notes, fmt.Sprintf("%s: a slot failed and does not count: %s", m.Name, e))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Impossible)) {
		notes = append(notes, fmt.Sprintf("%s cannot be run: %s.", name, r.Impossible[name]))
	}
	return notes
}
