package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mctr/mctr/benchmarks/compare"
)

// A report has all results.
type report struct {
	Host       host            `json:"host"`
	Rounds     int             `json:"rounds"`
	Contenders []*contender    `json:"contenders"`
	Ratios     []compare.Ratio `json:"ratios"`
	Memory     []footprint     `json:"memory,omitempty"`
	ShimBytes  int64           `json:"shim_bytes"`
	Reach      []target        `json:"reach"`
}

// compare computes figures and ratios. A round in which either contender failed is not compared.
func (r *report) compare() {
	for _, c := range r.Contenders {
		c.Wall, c.CPU = summarize(c.column(wall, nil)), summarize(c.column(cpu, nil))
	}
	for _, pair := range [][2]string{{library, runc}, {cli, runc}, {library, crun}, {cli, crun}, {runcAgain, runc}} {
		a, b := r.contender(pair[0]), r.contender(pair[1])
		for _, what := range []string{wall, cpu} {
			q := compare.Paired(a.column(what, b), b.column(what, a))
			q.Of, q.To, q.What = a.Name, b.Name, what
			r.Ratios = append(r.Ratios, q)
		}
	}
}

// The figures of a sample.
const (
	wall = "wall"
	cpu  = "CPU"
)

// column returns the contender's figures, without failed samples and those whose partner failed in
// the same round.
func (c *contender) column(what string, partner *contender) (list []time.Duration) {
	for i, s := range c.Samples {
		if s.failed || partner != nil && partner.Samples[i].failed {
			continue
		}
		value := s.wall
		if what == cpu {
			value = s.cpu
		}
		list = append(list, value)
	}
	return list
}

func (r *report) contender(name string) *contender {
	if i := slices.IndexFunc(r.Contenders, func(c *contender) bool { return c.Name == name }); i >= 0 {
		return r.Contenders[i]
	}
	return &contender{Name: name}
}

// ratio returns the ratio of the medians; 0 if it is unknown.
func (r *report) ratio(of, to, what string) float64 {
	for _, q := range r.Ratios {
		if q.Of == of && q.To == to && q.What == what {
			return q.Mid
		}
	}
	return 0
}

// print writes the table.
func (r *report) print(to io.Writer) error {
	fmt.Fprintf(to,
		"/bin/true from start to end and clean-up, image and bundle warm, %d rounds, contenders in random order in "+
			"each\n", r.Rounds)
	fmt.Fprintf(to, "Linux %s, %d cores, cgroup %s, load %s before and %s after\n", r.Host.Kernel, r.Host.Cores,
		r.Host.Cgroups, r.Host.Load, r.Host.LoadAfter)
	fmt.Fprintf(to, "%s\n", strings.Join(r.Host.Versions, ", "))
	fmt.Fprintf(to,
		"CPU: user and system time of every process of a run, the shim and its init too, by wait4(2) as subreaper\n\n")
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	r.printContenders(w)
	r.printRatios(w)
	r.printMemory(w)
	r.printReach(w)
	return w.Flush()
}

func (r *report) printContenders(w io.Writer) {
	fmt.Fprintln(w, "ms\twall p50\tp90\tp99\tCPU p50\tp90\tp99\tn\terrors\t")
	for _, c := range r.Contenders {
		good := len(c.column(wall, nil))
		if good == 0 {
			fmt.Fprintf(w, "%s\tFAILED\t\t\t\t\t\t0\t%d\t%s\n", c.Name, c.Errors, c.Error)
			continue
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t%d\t%s\n", c.Name,
			c.Wall.P50, c.Wall.P90, c.Wall.P99, c.CPU.P50, c.CPU.P90, c.CPU.P99, good, c.Errors,
			strings.TrimSpace(c.Note+" "+c.Error))
	}
}

func (r *report) printRatios(w io.Writer) {
	fmt.Fprintln(w, "\nratio of medians\twall\t95 % of resamples\tCPU\t95 % of resamples\t")
	for i := 0; i+1 < len(r.Ratios); i += 2 {
		a, b := r.Ratios[i], r.Ratios[i+1]
		if a.Mid == 0 {
			fmt.Fprintf(w, "%s / %s\tFAILED\n", a.Of, a.To)
			continue
		}
		fmt.Fprintf(w, "%s / %s\t%.2f\t%.2f - %.2f\t%.2f\t%.2f - %.2f\t\n", a.Of, a.To, a.Mid, a.Low, a.High, b.Mid,
			b.Low, b.High)
	}
}

func (r *report) printMemory(w io.Writer) {
	if len(r.Memory) == 0 {
		return
	}
	fmt.Fprintln(w, "\nPSS of the supervisor of a sleeping container\tKiB\tcontainers\t")
	for _, m := range r.Memory {
		if m.Error != "" {
			fmt.Fprintf(w, "%s\tFAILED\t%d\t%s\n", m.Name, m.Containers, m.Error)
			continue
		}
		fmt.Fprintf(w, "%s\t%.0f\t%d\t\n", m.Name, m.PSS, m.Containers)
	}
}

func (r *report) printReach(w io.Writer) {
	fmt.Fprintln(w, "\nin reach\tat most\tfound\t")
	for _, q := range r.Reach {
		fmt.Fprintf(w, "%s\t%.4g %s\t%.4g %s\t%s\n", q.What, q.Most, q.Unit, q.Found, q.Unit, q.verdict())
	}
}
