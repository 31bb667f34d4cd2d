package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// zeroes are the numeric flags for which 0 is valid, with its meaning.
var zeroes = map[string]string{
	"stop-timeout": "kill at once", "time": "kill at once", "timeout": "kill at once",
	"health-delay": "probe at once", "ready-delay": "probe at once", "health-start-period": "every failure counts",
	"last": "none", "after": "all that are kept", "oom-score-adj": "the kernel's own",
	"pids-limit": "no limit, as docker", "memory-swappiness": "swap only where it must",
	"cpus": "refused", "cpu-shares": "refused", "cpu-quota": "refused", "cpu-period": "refused",
	"cpu-burst": "no burst", "blkio-weight": "refused",
}

// TestZero checks that 0 differs from an omitted flag, for every numeric flag of every command.
func TestZero(t *testing.T) {
	numeric := []string{"int", "int64", "uint16", "uint64", "float64", "duration"}
	known := map[string]bool{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if !slices.Contains(numeric, flag.Value.Type()) {
				return
			}
			known[flag.Name] = true
			if (zeroes[flag.Name] == "") == !slices.Contains(flags.Positive, flag.Name) {
				t.Errorf("%s: --%s: does 0 say something, or is it refused?", cmd.CommandPath(), flag.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	root := command(&hostapi.Host{})
	walk(root)
	for _, name := range slices.Concat(flags.Positive, slices.Sorted(maps.Keys(zeroes))) {
		if !known[name] && root.PersistentFlags().Lookup(name) == nil {
			t.Errorf("no command has the flag --%s", name)
		}
	}
}

// TestPositive checks that 0 and negative values are refused if they are not valid.
func TestPositive(t *testing.T) {
	h := newHost(t)
	for _, name := range flags.Positive {
		args := []string{"run", "--" + name + "=0", h.image}
		switch name {
		case "mtu", "vni", "port":
			args = []string{"network", "create", "--" + name + "=0", "net"}
		case "inodes":
			args = []string{"volume", "create", "--" + name + "=0", "volume"}
		}
		if r := h.mctr(args...); r.code == 0 || !strings.Contains(r.stderr, "--"+name) ||
			!strings.Contains(r.stderr, "want more than 0") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := h.want(125, "run", "--shm-size", "0", h.image); !strings.Contains(r.stderr, "--shm-size 0") {
		t.Errorf("%+v", r)
	}
}
