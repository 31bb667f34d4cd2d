package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/doctor"
)

// systemInfo has docker's field names where docker has such a field.
type systemInfo struct {
	ServerVersion                                                       string
	Containers, ContainersRunning, ContainersPaused, ContainersStopped  int
	Images                                                              int
	Driver                                                              string // overlay or copy
	CgroupVersion                                                       string
	KernelVersion, OSType, Architecture, OperatingSystem, DockerRootDir string `json:",omitempty"`
	StateDir                                                            string
	NCPU                                                                int
	MemTotal                                                            int64
	Name                                                                string
}

func (a *app) infoCommand() *cobra.Command {
	var format string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info [flags]",
		Short:   "Show short facts of this host and of what is on it",
		Long:    "Show short facts of this host and of what is on it. What is missing here for\ncontainers, and the remedy, mctr doctor says.",
		Example: "  mctr system info\n  mctr system info -f '{{.CgroupVersion}}'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := a.info(cmd.Context())
			switch {
			case err != nil:
				return err
			case asJSON || format == "json":
				return printJSON(os.Stdout, i)
			case format != "":
				return table{format: format}.print(os.Stdout, []any{i})
			}
			i.print()
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "", "json, or a Go template")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	return cmd
}

func (a *app) info(ctx context.Context) (*systemInfo, error) {
	c, err := a.containers(ctx)
	if err != nil {
		return nil, err
	}
	list, err := a.statuses(ctx, here{c})
	if err != nil {
		return nil, err
	}
	images, err := a.store.Images(ctx)
	if err != nil {
		return nil, err
	}
	i := &systemInfo{
		ServerVersion: version, Containers: len(list), Driver: a.driver(), CgroupVersion: cgroupVersion(),
		OSType: runtime.GOOS, Architecture: runtime.GOARCH, OperatingSystem: osName(), DockerRootDir: a.root, StateDir: a.state, NCPU: runtime.NumCPU(),
	}
	for _, s := range list {
		switch s.Phase {
		case mctr.Running:
			i.ContainersRunning++
		case mctr.Paused:
			i.ContainersPaused++
		default:
			i.ContainersStopped++
		}
	}
	ids := map[string]bool{}
	for _, image := range images {
		ids[string(image.ID)] = true
	}
	i.Images = len(ids)
	return i, i.askKernel()
}

func (i *systemInfo) askKernel() error {
	var uts unix.Utsname
	var memory unix.Sysinfo_t
	if err := unix.Uname(&uts); err != nil {
		return err
	}
	if err := unix.Sysinfo(&memory); err != nil {
		return err
	}
	i.KernelVersion, i.Name = unix.ByteSliceToString(uts.Release[:]), unix.ByteSliceToString(uts.Nodename[:])
	i.MemTotal = int64(uint64(memory.Totalram) * uint64(memory.Unit)) //nolint:unconvert // differs by architecture
	return nil
}

// driver is the backend that a launch would take.
func (a *app) driver() string {
	if a.backend != "" {
		return a.backend
	}
	found := doctor.Examine(doctor.Host{Root: a.root, State: a.state})
	works := slices.ContainsFunc(found, func(f doctor.Finding) bool { return strings.HasPrefix(f.What, "overlay") && f.State == doctor.OK })
	if works {
		return "overlay"
	}
	return "copy"
}

func cgroupVersion() string {
	if cgroup.Unified() {
		return "2"
	}
	return "1"
}

func osName() string {
	data, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return ""
}

func (i *systemInfo) print() {
	for _, line := range [][2]any{
		{"Version", i.ServerVersion}, {"Containers", i.Containers}, {" Running", i.ContainersRunning}, {" Paused", i.ContainersPaused},
		{" Stopped", i.ContainersStopped}, {"Images", i.Images}, {"Storage Backend", i.Driver}, {"Cgroup Version", i.CgroupVersion},
		{"Kernel Version", i.KernelVersion}, {"Operating System", i.OperatingSystem}, {"Architecture", i.Architecture}, {"CPUs", i.NCPU},
		{"Total Memory", units.BytesSize(float64(i.MemTotal))}, {"Name", i.Name}, {"Root", i.DockerRootDir}, {"State", i.StateDir},
	} {
		fmt.Printf("%s: %v\n", line[0], line[1])
	}
}
