package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/cgroup"
)

// A footprint is the memory of the supervisors of sleeping containers.
type footprint struct {
	Name       string  `json:"name"`
	Containers int     `json:"containers"`
	PSS        float64 `json:"pss_kib"` // the mean of the supervisors
	Error      string  `json:"error,omitempty"`
}

// settle is the time after which a supervisor is idle.
const settle = 3 * time.Second

// memory measures mctr-shim and conmon, one after the other.
func (g *rig) memory(ctx context.Context, n int) []footprint {
	var list []footprint
	for _, m := range []struct {
		name    string
		measure func(ctx context.Context, n int) (pss int64, err error)
	}{{"mctr-shim", g.shims}, {"conmon", g.conmons}} {
		f := footprint{Name: m.name, Containers: n}
		pss, err := m.measure(ctx, n)
		f.PSS = float64(pss) / 1024 / float64(n)
		if err != nil {
			f.Error = err.Error()
		}
		list = append(list, f)
	}
	return list
}

// shims launches n sleepers and returns the memory of their supervisors.
func (g *rig) shims(ctx context.Context, n int) (total int64, err error) {
	config := g.config(true, "/bin/sleep", "1000")
	for range n {
		id := mctr.NewID()
		if _, err := g.containers.Launch(ctx, id, config, containerizer.LaunchOptions{Detach: true}); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, g.containers.Remove(context.WithoutCancel(ctx), id, true)) }()
	}
	time.Sleep(settle)
	pids, err := cgroup.Pids(g.prefix() + "-shims")
	if err == nil && len(pids) != n {
		err = fmt.Errorf("%d processes supervise %d containers", len(pids), n)
	}
	if err != nil {
		return 0, err
	}
	return sumPSS(pids)
}

// conmons runs n sleepers with runc under conmon, as podman does, and returns the memory of conmon.
func (g *rig) conmons(ctx context.Context, n int) (total int64, err error) {
	var pids []int
	for i := range n {
		c := conmon{name: fmt.Sprintf("mctr-bench-%d", i), dir: filepath.Join(g.dir, "conmon", strconv.Itoa(i)),
			root: g.own("runc")}
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return 0, err
		}
		if err := g.edit(c.dir, g.group(c.name), "/bin/sleep", "1000"); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, c.end(context.WithoutCancel(ctx))) }()
		pid, err := c.start(ctx)
		if err != nil {
			return 0, err
		}
		pids = append(pids, pid)
	}
	time.Sleep(settle)
	return sumPSS(pids)
}

// sumPSS returns the sum of the processes' proportional set sizes in bytes (proc(5)).
func sumPSS(pids []int) (total int64, err error) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		pss, err := parsePSS(data)
		if err != nil {
			return 0, fmt.Errorf("memory of pid %d: %w", pid, err)
		}
		total += pss
	}
	return total, nil
}

func parsePSS(rollup []byte) (int64, error) {
	for line := range bytes.Lines(rollup) {
		if text, ok := strings.CutPrefix(string(line), "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			return kib * 1024, err
		}
	}
	return 0, errors.New("no Pss in smaps_rollup")
}
