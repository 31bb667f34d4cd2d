package system

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/doctor"
)

// versionInfo is the output of version --json.
type versionInfo struct {
	Version, Commit, Go, OS, Arch, OCI string

	Agent    *api.VersionInfo `json:",omitempty"` // with --agent
	Programs []doctor.Program // on this host
}

func versionCommand(h *hostapi.Host) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the versions of mctr's programs and plugins",
		Long: "Show the versions of mctr, of its other programs and of the plugins, and which\n" +
			"programs are from different builds.",
		Example: "  mctr version --json",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versionInfo{Version: h.Version, Commit: buildinfo.Commit(), Go: runtime.Version(), OS: runtime.GOOS,
				Arch: runtime.GOARCH, OCI: specs.Version}
			if err := agentVersion(cmd.Context(), h, &v); err != nil {
				return err
			}
			v.Programs = doctor.Host{PluginDirs: h.Networks().PluginDirs(), Programs: containerizer.FindPrograms(),
				Shim: containerizer.ExamineShim}.Builds()
			if asJSON {
				return format.JSON(os.Stdout, v)
			}
			fmt.Println(VersionLine(h.Version))
			if v.Agent != nil {
				fmt.Printf("mctr-agent %s, commit %s, at %s\n", v.Agent.Version, v.Agent.GitSHA, h.Agent.Address)
				if v.Agent.GitSHA != v.Commit || v.Agent.Version != v.Version {
					fmt.Println("  it is from another build than this program")
				}
			}
			printPrograms(v.Programs)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// VersionLine returns the version of mctr as version and --version print it.
func VersionLine(version string) string {
	return fmt.Sprintf("mctr %s, commit %s, %s %s/%s, OCI runtime-spec %s",
		version, buildinfo.Commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, specs.Version)
}

// agentVersion asks the agent for its version, if --agent is given.
func agentVersion(ctx context.Context, h *hostapi.Host, v *versionInfo) error {
	if !h.Remote() {
		return nil
	}
	c, err := h.Agent.Connect()
	if err != nil {
		return err
	}
	info, err := c.Version(ctx)
	v.Agent = &info
	return err
}

// printPrograms prints a line for each program, and one for all plugins of the same release.
func printPrograms(programs []doctor.Program) {
	plugins := map[string]string{}
	for _, p := range programs {
		if plugin, ok := strings.CutPrefix(p.Name, "cni/"); ok {
			release := p.Version + ", in " + filepath.Dir(p.Path)
			plugins[release] = strings.TrimPrefix(plugins[release]+", "+plugin, ", ")
			continue
		}
		fmt.Printf("%s %s, commit %s, at %s\n", p.Name, p.Version, p.Commit, p.Path)
		if p.Differs != "" {
			fmt.Printf("  %s\n", p.Differs)
		}
	}
	for _, release := range slices.Sorted(maps.Keys(plugins)) {
		fmt.Printf("CNI plugins %s: %s\n", release, plugins[release])
	}
}
