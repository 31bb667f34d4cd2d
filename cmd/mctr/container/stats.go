package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
)

// statsOptions are the flags of stats.
type statsOptions struct {
	format.List
	noStream, all bool
}

func statsCommand(h *hostapi.Host) *cobra.Command {
	o := &statsOptions{}
	cmd := &cobra.Command{
		Use:               "stats [flags] [CONTAINER...]",
		Short:             "Show the resource usage of running containers",
		Example:           "  mctr stats\n  mctr stats --no-stream --json web",
		ValidArgsFunction: h.CompleteContainers,
		RunE:              func(cmd *cobra.Command, args []string) error { return stats(cmd.Context(), h, args, o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.noStream, "no-stream", false, "print once and exit")
	f.BoolVarP(&o.all, "all", "a", false, "accepted for compatibility with docker: only running containers have usage")
	o.Register(f, "ids")
	return cmd
}

// A statsRow has the field names of docker, and the numbers in Usage.
type statsRow struct {
	ID, Name, CPUPerc, MemUsage, MemPerc, NetIO, BlockIO, PIDs string
	Usage                                                      mctr.Usage
}

func stats(ctx context.Context, h *hostapi.Host, refs []string, o *statsOptions) error {
	c, err := h.API(ctx)
	if err != nil {
		return err
	}
	ctx, stop := session.Until(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	before, err := usages(ctx, h, c, refs)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		now, err := usages(ctx, h, c, refs)
		if err != nil {
			return err
		}
		if !o.noStream && format.IsTerminal(os.Stdout) {
			fmt.Print("\x1b[H\x1b[2J")
		}
		if err := o.print(before, now); err != nil || o.noStream {
			return err
		}
		before = now
	}
}

// A sample is the usage of one container.
type sample struct {
	status *mctr.Status
	usage  *mctr.Usage
}

func usages(ctx context.Context, h *hostapi.Host, c agent.Containers, refs []string) ([]sample, error) {
	list, err := h.Statuses(ctx, c)
	if err != nil {
		return nil, err
	}
	var wanted []mctr.ContainerID
	for _, ref := range refs {
		id, err := c.Resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, id)
	}
	var samples []sample
	for _, s := range list {
		if len(refs) > 0 && !slices.Contains(wanted, s.ID) {
			continue
		}
		u, err := c.Usage(ctx, s.ID)
		if errors.Is(err, mctr.ErrState) || errors.Is(err, mctr.ErrNotFound) {
			if len(refs) > 0 {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		samples = append(samples, sample{s, u})
	}
	return samples, nil
}

func (o *statsOptions) print(before, now []sample) error {
	rows := make([]statsRow, 0, len(now))
	for _, s := range now {
		i := slices.IndexFunc(before, func(b sample) bool { return b.status.ID == s.status.ID })
		if i < 0 {
			continue
		}
		rows = append(rows, o.row(before[i].usage, s))
	}
	return o.List.Print(format.Rows(rows),
		[]string{"CONTAINER ID={{.ID}}", "NAME={{.Name}}", "CPU %={{.CPUPerc}}", "MEM USAGE / LIMIT={{.MemUsage}}",
			"MEM %={{.MemPerc}}", "NET I/O={{.NetIO}}", "BLOCK I/O={{.BlockIO}}", "PIDS={{.PIDs}}"})
}

func (o *statsOptions) row(before *mctr.Usage, s sample) statsRow {
	u := s.usage
	limit := u.MemoryLimit
	if limit == 0 {
		limit = hostMemory()
	}
	r := statsRow{
		ID: s.status.ID.Short(), Name: s.status.Config.Name, Usage: *u,
		CPUPerc:  fmt.Sprintf("%.2f%%", 100*float64(u.CPUNanos-before.CPUNanos)/float64(u.Time.Sub(before.Time))),
		MemUsage: units.BytesSize(float64(u.MemoryBytes)) + " / " + units.BytesSize(float64(limit)),
		MemPerc:  fmt.Sprintf("%.2f%%", 100*float64(u.MemoryBytes)/float64(limit)),
		NetIO:    netIO(u.Networks),
		BlockIO:  bothWays(u.ReadBytes, u.WriteBytes),
		PIDs:     strconv.FormatUint(u.Pids, 10),
	}
	if o.NoTrunc {
		r.ID = string(s.status.ID)
	}
	return r
}

// netIO returns the sum over all interfaces except loopback. A container that shares the network of
// another one, or of the host, has no usage of its own.
func netIO(networks []mctr.NetworkUsage) string {
	if networks == nil {
		return "-- / --"
	}
	var received, sent uint64
	for _, n := range networks {
		if n.Name != "lo" {
			received, sent = received+n.RxBytes, sent+n.TxBytes
		}
	}
	return bothWays(received, sent)
}

// bothWays formats two numbers of bytes with the precision of docker.
func bothWays(in, out uint64) string {
	return units.HumanSizeWithPrecision(float64(in), 3) + " / " + units.HumanSizeWithPrecision(float64(out), 3)
}

func hostMemory() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 1
	}
	return info.Totalram * uint64(info.Unit)
}
