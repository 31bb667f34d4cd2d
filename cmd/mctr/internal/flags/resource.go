package flags

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

// Resources has the values of the flags for resource limits.
type Resources struct {
	set                                    *pflag.FlagSet
	cpus                                   float64
	shares, period, burst                  uint64
	quota                                  int64
	cpusetCpus, cpusetMems                 string
	memory, swap, reservation, high        string
	swappiness, pids                       int64
	oomScoreAdj                            int
	oomKillDisable                         bool
	blkioWeight                            uint16
	blkioWeightDevice                      []string
	readBps, writeBps, readIops, writeIops []string
	storageOpt                             []string
	disk, diskAction                       string
	diskInodes                             int64
}

// Register adds the flags.
func (r *Resources) Register(f *pflag.FlagSet) {
	r.set = f
	f.Float64Var(&r.cpus, "cpus", 0, "number of processors, such as 1.5")
	f.Uint64VarP(&r.shares, "cpu-shares", "c", 0, "CPU weight relative to other containers (default 1024)")
	f.Int64Var(&r.quota, "cpu-quota", 0, "microseconds of CPU time in each period")
	f.Uint64Var(&r.period, "cpu-period", 0, "length of a period in microseconds (default 100000)")
	f.Uint64Var(&r.burst, "cpu-burst", 0, "microseconds of unused quota that a later period may use")
	f.StringVar(&r.cpusetCpus, "cpuset-cpus", "", "processors to run on, such as 0-2,7")
	f.StringVar(&r.cpusetMems, "cpuset-mems", "", "memory nodes to use")
	f.StringVarP(&r.memory, "memory", "m", "", "memory limit, such as 512m")
	f.StringVar(&r.swap, "memory-swap", "", "limit of memory plus swap; -1: unlimited swap")
	f.StringVar(&r.reservation, "memory-reservation", "", "soft limit: memory that is protected from reclaim")
	f.StringVar(&r.high, "memory-high", "", "throttle the container above this limit (cgroup v2)")
	f.Int64Var(&r.swappiness, "memory-swappiness", -1, "swappiness, 0 to 100 (cgroup v1)")
	f.IntVar(&r.oomScoreAdj, "oom-score-adj", 0, "-1000 to 1000; the kernel kills processes with a high score first")
	f.BoolVar(&r.oomKillDisable, "oom-kill-disable", false,
		"at the limit, block processes instead of killing them (cgroup v1)")
	f.Int64Var(&r.pids, "pids-limit", 0, "maximum number of processes and threads; -1: unlimited")
	f.Uint16Var(&r.blkioWeight, "blkio-weight", 0, "weight of disk I/O, 10 to 1000")
	f.StringArrayVar(&r.blkioWeightDevice, "blkio-weight-device", nil,
		"`DEVICE:WEIGHT`: weight of I/O on one disk, 10 to 1000")
	f.StringArrayVar(&r.readBps, "device-read-bps", nil,
		"`DEVICE:RATE`: maximum bytes read per second, such as /dev/sda:1m")
	f.StringArrayVar(&r.writeBps, "device-write-bps", nil, "`DEVICE:RATE`: maximum bytes written per second")
	f.StringArrayVar(&r.readIops, "device-read-iops", nil, "`DEVICE:RATE`: maximum reads per second")
	f.StringArrayVar(&r.writeIops, "device-write-iops", nil, "`DEVICE:RATE`: maximum writes per second")
	f.StringArrayVar(&r.storageOpt, "storage-opt", nil,
		"size=10g or inodes=100000: hard limit of what is written to the root filesystem")
	f.StringVar(&r.disk, "disk", "", "hard limit of what is in the sandbox, such as 10g")
	f.Int64Var(&r.diskInodes, "disk-inodes", 0, "hard limit of the number of files in the sandbox")
	f.StringVar(&r.diskAction, "disk-action", "refuse",
		"at a limit of bytes: refuse writes, or end the container when it has exceeded the limit")
}

// Fill sets the limits of a config.
func (r *Resources) Fill(c *mctr.ContainerConfig) error {
	for _, part := range []func(*mctr.Resources) error{r.fillCPU, r.fillMemory, r.fillIO, r.fillDisk} {
		if err := part(&c.Resources); err != nil {
			return err
		}
	}
	if r.set.Changed("pids-limit") {
		c.Resources.Pids = &r.pids
		if r.pids == 0 {
			*c.Resources.Pids = -1 // as docker: 0 is unlimited
		}
	}
	return nil
}

func (r *Resources) fillCPU(to *mctr.Resources) error {
	c := &to.CPU
	c.Cpus, c.Mems = r.cpusetCpus, r.cpusetMems
	if r.set.Changed("cpus") {
		if r.set.Changed("cpu-quota") || r.set.Changed("cpu-period") {
			return fmt.Errorf("%w: --cpus sets a quota and a period: it cannot be combined with --cpu-quota or "+
				"--cpu-period", mctr.ErrInvalid)
		}
		if r.cpus <= 0 || math.IsInf(r.cpus, 0) || math.IsNaN(r.cpus) || r.cpus > 1e6 {
			return fmt.Errorf("%w: --cpus %v: want a positive number", mctr.ErrInvalid, r.cpus)
		}
		period, quota := uint64(100000), int64(math.Round(r.cpus*100000))
		c.Period, c.Quota = &period, &quota
	}
	for flag, set := range map[string]func(){
		"cpu-shares": func() { c.Shares = &r.shares },
		"cpu-quota":  func() { c.Quota = &r.quota },
		"cpu-period": func() { c.Period = &r.period },
		"cpu-burst":  func() { c.Burst = &r.burst },
	} {
		if r.set.Changed(flag) {
			set()
		}
	}
	return nil
}

func (r *Resources) fillMemory(to *mctr.Resources) error {
	m := &to.Memory
	for _, target := range []struct {
		flag, text string
		to         **int64
	}{
		{"--memory", r.memory, &m.Limit}, {"--memory-swap", r.swap, &m.Swap},
		{"--memory-reservation", r.reservation, &m.Reservation}, {"--memory-high", r.high, &m.High},
	} {
		if target.text == "" {
			continue
		}
		n := int64(-1)
		if target.text != "-1" {
			var err error
			if n, err = Size(target.flag, target.text); err != nil {
				return err
			}
		}
		*target.to = &n
	}
	if r.set.Changed("memory-swappiness") && r.swappiness != -1 {
		m.Swappiness = &r.swappiness
	}
	if r.set.Changed("oom-score-adj") {
		m.OOMScoreAdj = &r.oomScoreAdj
	}
	m.DisableOOM = r.oomKillDisable
	return nil
}

func (r *Resources) fillDisk(to *mctr.Resources) (err error) {
	d := &to.Disk
	for _, option := range r.storageOpt {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "size":
			var n int64
			if n, err = Size("--storage-opt size", value); err != nil {
				return err
			}
			d.Rootfs = &n
		case "inodes":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("%w: --storage-opt %s: want a number", mctr.ErrInvalid, option)
			}
			d.RootfsInodes = &n
		default:
			return fmt.Errorf("%w: --storage-opt %s: want size=SIZE or inodes=NUMBER", mctr.ErrInvalid, option)
		}
	}
	if r.disk != "" {
		n, err := Size("--disk", r.disk)
		if err != nil {
			return err
		}
		d.Sandbox = &n
	}
	if r.set.Changed("disk-inodes") {
		d.SandboxInodes = &r.diskInodes
	}
	switch r.diskAction {
	case "refuse":
	case "end":
		d.End = true
	default:
		return fmt.Errorf("%w: --disk-action %s: want refuse or end", mctr.ErrInvalid, r.diskAction)
	}
	return nil
}

func (r *Resources) fillIO(to *mctr.Resources) error {
	if r.set.Changed("blkio-weight") {
		to.BlockIO.Weight = &r.blkioWeight
	}
	for _, item := range r.blkioWeightDevice {
		device, rate, err := deviceRate("--blkio-weight-device", item, strconv.Atoi)
		if err != nil {
			return err
		}
		to.BlockIO.Weights = append(to.BlockIO.Weights,
			mctr.IODevWeight{Device: device, Weight: uint16(min(rate, math.MaxUint16))})
	}
	bytes := func(s string) (int, error) { n, err := Size("rate", s); return int(n), err }
	for _, list := range []struct {
		kind  string
		items []string
		parse func(string) (int, error)
	}{
		{"read-bps", r.readBps, bytes}, {"write-bps", r.writeBps, bytes},
		{"read-iops", r.readIops, strconv.Atoi}, {"write-iops", r.writeIops, strconv.Atoi},
	} {
		for _, item := range list.items {
			device, rate, err := deviceRate("--device-"+list.kind, item, list.parse)
			if err != nil {
				return err
			}
			to.BlockIO.Throttles = append(to.BlockIO.Throttles,
				mctr.IOThrottle{Device: device, Kind: list.kind, Rate: uint64(rate)})
		}
	}
	return nil
}

func deviceRate(flag, item string, parse func(string) (int, error)) (device string, rate int, err error) {
	i := strings.LastIndexByte(item, ':')
	if i < 1 {
		return "", 0, fmt.Errorf("%w: %s %s: want DEVICE:NUMBER", mctr.ErrInvalid, flag, item)
	}
	rate, err = parse(item[i+1:])
	if err != nil || rate < 0 {
		return "", 0, fmt.Errorf("%w: %s %s: want DEVICE:NUMBER", mctr.ErrInvalid, flag, item)
	}
	return item[:i], rate, nil
}
