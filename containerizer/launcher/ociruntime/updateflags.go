package ociruntime

import (
	"flag"
	"fmt"
	"strconv"

	"github.com/docker/go-units"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// An update holds the values of the flags of update.
type update struct {
	file, l3, bandwidth string
	limits              specs.LinuxResources
}

func newUpdate() *update {
	return &update{limits: specs.LinuxResources{
		CPU: &specs.LinuxCPU{}, Memory: &specs.LinuxMemory{}, BlockIO: &specs.LinuxBlockIO{}, Pids: &specs.LinuxPids{},
	}}
}

func (u *update) register(f *flag.FlagSet) {
	stringVar(f, &u.file, "resources", "r",
		"JSON file with the limits, or - for stdin; overrides the other flags")
	f.StringVar(&u.l3, "l3-cache-schema", "", "resctrl schema of the L3 cache")
	f.StringVar(&u.bandwidth, "mem-bw-schema", "", "resctrl schema of memory bandwidth")
	cpu, memory := u.limits.CPU, u.limits.Memory
	f.StringVar(&cpu.Cpus, "cpuset-cpus", "", "processors")
	f.StringVar(&cpu.Mems, "cpuset-mems", "", "memory nodes")
	for name, p := range map[string]**uint64{"cpu-period": &cpu.Period, "cpu-burst": &cpu.Burst,
		"cpu-share": &cpu.Shares, "cpu-rt-period": &cpu.RealtimePeriod} {
		f.Func(name, "a number", into(p, parseUnsigned))
	}
	for name, p := range map[string]**int64{"cpu-quota": &cpu.Quota, "cpu-rt-runtime": &cpu.RealtimeRuntime,
		"cpu-idle": &cpu.Idle, "pids-limit": &u.limits.Pids.Limit} {
		f.Func(name, "a number", into(p, parseSigned))
	}
	for name, p := range map[string]**int64{"memory": &memory.Limit, "memory-swap": &memory.Swap,
		"memory-reservation": &memory.Reservation} {
		f.Func(name, "bytes, or a number with a unit; -1 removes the limit", into(p, parseBytes))
	}
	f.Func("blkio-weight", "10 to 1000", into(&u.limits.BlockIO.Weight, parseWeight))
}

// into returns a function for FlagSet.Func, which parses the flag's value and stores a pointer to
// it in to.
func into[T any](to **T, parse func(string) (T, error)) func(string) error {
	return func(s string) error {
		n, err := parse(s)
		*to = &n
		return err
	}
}

func parseUnsigned(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }

func parseSigned(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

func parseWeight(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

func parseBytes(s string) (int64, error) {
	if s == "-1" {
		return -1, nil
	}
	n, err := units.RAMInBytes(s)
	if err == nil && n < 0 {
		err = fmt.Errorf("size %s is out of range", s)
	}
	return n, err
}
