package container

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func inspectCommand(h *hostapi.Host, inspectImages ImageInspector) *cobra.Command {
	var format, kind string
	cmd := &cobra.Command{
		Use:   "inspect [flags] CONTAINER...",
		Short: "Show the details of containers",
		Long: `Show the details of containers: the keys of docker and, below Mctr, those of mctr,
which include why a container exited, with the evidence.`,
		Example: "  mctr inspect web\n  mctr inspect -f '{{.State.ExitCode}} {{.Mctr.Termination.Reason}}' " +
			"job",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch kind {
			case "container":
				return inspect(cmd.Context(), h, args, format)
			case "image":
				return inspectImages(cmd.Context(), h, args, format)
			}
			return fmt.Errorf("%w: --type %s: container or image", mctr.ErrInvalid, kind)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "", "json or a Go template")
	cmd.Flags().StringVar(&kind, "type", "container", "container, or image (the same as image inspect)")
	_ = cmd.RegisterFlagCompletionFunc("type", flags.Words("container", "image"))
	cmd.Flags().BoolP("size", "s", false, "accepted for compatibility with docker")
	return cmd
}

func inspect(ctx context.Context, h *hostapi.Host, refs []string, layout string) error {
	c, err := h.API(ctx)
	if err != nil {
		return err
	}
	return format.Inspect(refs, layout, func(ref string) (info containerInfo, err error) {
		id, err := c.Resolve(ctx, ref)
		if err != nil {
			return info, err
		}
		s, err := c.Status(ctx, id)
		if err == nil {
			info = describeContainer(s)
		}
		return info, err
	})
}

// containerInfo has the keys of docker, in the order of docker.
type containerInfo struct {
	ID           string `json:"Id"`
	Created      string
	Path         string
	Args         []string
	State        stateInfo
	Image        string
	LogPath      string
	Name         string
	RestartCount int
	Mounts       []mountInfo

	HostConfig      hostInfo
	Config          configInfo
	NetworkSettings networkInfo
	Mctr            *mctr.Status
}

type stateInfo struct {
	Status                               string
	Running, Paused, Restarting          bool
	OOMKilled, Dead                      bool
	Pid, ExitCode                        int
	Error, StartedAt, FinishedAt, Reason string
	Health                               *healthInfo `json:",omitempty"`
}

type healthInfo struct {
	Status        string
	FailingStreak int
	Log           []probeInfo
}

type probeInfo struct {
	Start, End string
	ExitCode   int    // of the command, as in docker; 1 for other probes that failed
	Output     string // of the command; for other probes, the reason of the failure
}

type mountInfo struct {
	Type                string
	Name                string `json:",omitempty"` // of a named or anonymous volume
	Source, Destination string
	Driver              string `json:",omitempty"`
	Mode                string
	RW                  bool
	Propagation         string
}

type hostInfo struct {
	NetworkMode                                           string
	AutoRemove, Privileged, ReadonlyRootfs                bool
	Memory, MemorySwap, MemoryReservation, NanoCpus       int64
	CPUShares                                             uint64 `json:"CpuShares"`
	CPUPeriod                                             uint64 `json:"CpuPeriod"`
	CPUQuota                                              int64  `json:"CpuQuota"`
	CpusetCpus, CpusetMems                                string
	PidsLimit                                             int64
	CapAdd, CapDrop, SecurityOpt                          []string
	ShmSize                                               int64
	PidMode, IpcMode, UTSMode, CgroupnsMode, CgroupParent string
	LogConfig                                             struct{ Type string }
}

type configInfo struct {
	Hostname, User       string
	Tty, OpenStdin       bool
	Env, Cmd, Entrypoint []string
	Image, WorkingDir    string
	Labels               map[string]string
	StopSignal           string
	StopTimeout          *int `json:",omitempty"` // seconds
}

func describeContainer(s *mctr.Status) containerInfo {
	i := containerInfo{
		ID: string(s.ID), Created: stamp(s.Created), Path: s.Path, Args: s.Args, State: describeState(s),
		Image:   s.ImageID,
		LogPath: s.LogDir, Name: "/" + s.Config.Name, RestartCount: s.Restarts, HostConfig: describeHost(s),
		Config: describeConfig(s), Mctr: s,
		NetworkSettings: describeNetworks(s),
	}
	i.Mounts = []mountInfo{} // never null, as in docker
	for _, v := range s.Config.Volumes {
		i.Mounts = append(i.Mounts, describeVolume(s, v))
	}
	return i
}

// describeVolume describes a volume as docker does: the type of a named volume is volume, whatever its
// driver, and its source is the path of its files.
func describeVolume(s *mctr.Status, v mctr.Volume) mountInfo {
	i := mountInfo{Type: v.Type, Source: v.Source, Destination: v.Target, Mode: strings.Join(v.Options, ","),
		RW: !v.ReadOnly, Propagation: "rprivate"}
	if v.Type == mctr.VolumeLocal {
		i.Type, i.Driver, i.Source = mctr.VolumeNamed, v.Type, ""
		i.Name = cmp.Or(v.Source, mctr.AnonymousVolume(s.ID, v.Target))
	}
	for _, m := range s.Mounts {
		if path.Clean(m.Target) != path.Clean(v.Target) {
			continue
		}
		i.Source = m.Source
		for _, o := range m.Options {
			if strings.HasSuffix(o, "private") || strings.HasSuffix(o, "slave") || strings.HasSuffix(o, "shared") {
				i.Propagation = o
			}
		}
	}
	return i
}

func describeState(s *mctr.Status) stateInfo {
	i := stateInfo{
		Status: format.DockerState(s), Running: s.Phase == mctr.Running || s.Phase == mctr.Paused,
		Paused:     s.Phase == mctr.Paused,
		Restarting: s.Restarting, Dead: s.Phase == mctr.Lost || s.Phase == mctr.Damaged, Pid: s.Pid,
		StartedAt: stamp(s.Started), FinishedAt: stamp(time.Time{}),
	}
	if s.Health != nil {
		i.Health = &healthInfo{Status: s.Health.Status, FailingStreak: s.Health.Streak}
		for _, p := range s.Health.Probes {
			i.Health.Log = append(i.Health.Log, describeProbe(p))
		}
	}
	if s.Damage != "" {
		i.Error = "damaged: " + s.Damage
	}
	if t := s.Termination; t != nil {
		i.ExitCode, i.FinishedAt, i.OOMKilled = t.ExitCode, stamp(t.Finished), t.OOM != nil
		i.Error, i.Reason = cmp.Or(s.StartError, t.Message), t.Reason
	}
	return i
}

func describeProbe(p mctr.Probe) probeInfo {
	i := probeInfo{Start: stamp(p.Start), End: stamp(p.End), ExitCode: p.ExitCode, Output: p.Output}
	if p.Error == "" {
		return i
	}
	i.ExitCode = cmp.Or(i.ExitCode, 1)
	if p.Output == "" || p.ExitCode < 0 {
		i.Output = strings.TrimSuffix(p.Error+": "+p.Output, ": ")
	}
	return i
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func describeHost(s *mctr.Status) hostInfo {
	c, r := s.Config, s.Config.Resources
	h := hostInfo{
		NetworkMode: format.Networks(c), AutoRemove: c.Remove,
		Privileged: c.Security.Privileged, ReadonlyRootfs: c.ReadOnly,
		Memory: value(r.Memory.Limit), MemorySwap: value(r.Memory.Swap), MemoryReservation: value(r.Memory.Reservation),
		CPUShares: value(r.CPU.Shares), CPUPeriod: value(r.CPU.Period), CPUQuota: value(r.CPU.Quota),
		CpusetCpus: r.CPU.Cpus, CpusetMems: r.CPU.Mems, PidsLimit: value(r.Pids),
		CapAdd: c.Security.CapAdd, CapDrop: c.Security.CapDrop, ShmSize: c.ShmSize,
		PidMode: c.Namespaces.PID, IpcMode: c.Namespaces.IPC, UTSMode: c.Namespaces.UTS,
		CgroupnsMode: c.Namespaces.Cgroup,
		CgroupParent: s.CgroupPath,
	}
	if h.CPUPeriod > 0 && h.CPUQuota > 0 {
		h.NanoCpus = h.CPUQuota * 1e9 / int64(h.CPUPeriod)
	}
	h.LogConfig.Type = cmp.Or(c.Log.Driver, "cri")
	return h
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func describeConfig(s *mctr.Status) configInfo {
	c := s.Config
	i := configInfo{
		Hostname: c.Hostname, User: c.Process.User, Tty: c.Process.Terminal, OpenStdin: c.Process.Stdin,
		Env: c.Process.Env,
		Cmd: c.Process.Args, Image: c.Image, WorkingDir: c.Process.WorkingDir, Labels: c.Labels,
		StopSignal: s.StopSignal,
	}
	if c.StopTimeout != nil {
		i.StopTimeout = new(int(time.Duration(*c.StopTimeout).Seconds()))
	}
	if c.Process.Entrypoint != nil {
		i.Entrypoint = *c.Process.Entrypoint
	}
	return i
}
