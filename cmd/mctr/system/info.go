package system

import (
	"context"
	"fmt"
	"os"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// systemInfo has the field names of docker, where docker has such a field.
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

func infoCommand(h *hostapi.Host) *cobra.Command {
	var layout string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info [flags]",
		Short: "Show facts about this host, its containers and images",
		Long: "Show facts about this host, its containers and images. See mctr doctor for missing\n" +
			"features of the host.",
		Example: "  mctr system info\n  mctr system info -f '{{.CgroupVersion}}'",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := facts(cmd.Context(), h)
			switch {
			case err != nil:
				return err
			case asJSON || layout == "json":
				return format.JSON(os.Stdout, i)
			case layout != "":
				return format.Table{Format: layout}.Print(os.Stdout, []any{i})
			}
			i.print()
			return nil
		},
	}
	cmd.Flags().StringVarP(&layout, "format", "f", "", "json, or a Go template")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	return cmd
}

func facts(ctx context.Context, h *hostapi.Host) (*systemInfo, error) {
	c, err := h.API(ctx)
	if err != nil {
		return nil, err
	}
	list, err := h.Statuses(ctx, c)
	if err != nil {
		return nil, err
	}
	host, err := h.HostAPI()
	if err != nil {
		return nil, err
	}
	f, err := host.Facts(ctx)
	if err != nil {
		return nil, err
	}
	i := &systemInfo{
		ServerVersion: f.Version, Containers: len(list), Driver: f.Backend, CgroupVersion: f.CgroupVersion,
		KernelVersion: f.Kernel,
		OSType:        f.OS, Architecture: f.Architecture, OperatingSystem: f.OperatingSystem, DockerRootDir: f.Root,
		StateDir: f.State,
		NCPU:     f.CPUs, MemTotal: f.Memory, Name: f.Name,
	}
	i.count(list)
	i.Images, err = countImages(ctx, h)
	return i, err
}

func (i *systemInfo) count(list []*mctr.Status) {
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
}

// countImages returns the number of images. It counts an image with several names once.
func countImages(ctx context.Context, h *hostapi.Host) (int, error) {
	store, err := h.ImageAPI()
	if err != nil {
		return 0, err
	}
	images, err := store.Images(ctx)
	ids := map[string]bool{}
	for _, image := range images {
		ids[string(image.ID)] = true
	}
	return len(ids), err
}

func (i *systemInfo) print() {
	for _, line := range [][2]any{
		{"Version", i.ServerVersion}, {"Containers", i.Containers}, {" Running", i.ContainersRunning},
		{" Paused", i.ContainersPaused},
		{" Stopped", i.ContainersStopped}, {"Images", i.Images}, {"Storage Backend", i.Driver},
		{"Cgroup Version", i.CgroupVersion},
		{"Kernel Version", i.KernelVersion}, {"Operating System", i.OperatingSystem}, {"Architecture", i.Architecture},
		{"CPUs", i.NCPU},
		{"Total Memory", units.BytesSize(float64(i.MemTotal))}, {"Name", i.Name}, {"Root", i.DockerRootDir},
		{"State", i.StateDir},
	} {
		fmt.Printf("%s: %v\n", line[0], line[1])
	}
}
