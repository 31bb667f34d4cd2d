package hostapi

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/provisioner"
)

// CompleteImages completes the names of images in the store. A name may also be typed in the short
// form of docker.
func (h *Host) CompleteImages(cmd *cobra.Command, _ []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if h.Begin(cmd, nil) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	store, err := h.ImageAPI()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	images, _ := store.Images(cmd.Context())
	var words []cobra.Completion
	for _, image := range images {
		if provisioner.IsUnnamed(&image) {
			words = append(words, format.ShortDigest(image.ID.Encoded()))
			continue
		}
		for _, name := range []string{image.Reference, familiar(image.Reference)} {
			if strings.HasPrefix(name, typed) {
				words = append(words, name)
				break
			}
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// familiar returns a reference in docker's short form.
func familiar(ref string) string {
	ref = strings.TrimSuffix(ref, ":latest")
	if rest, ok := strings.CutPrefix(ref, "docker.io/"); ok {
		return strings.TrimPrefix(rest, "library/")
	}
	return ref
}

// CompleteFirstImage is CompleteImages for commands of which only the first argument is an image.
func (h *Host) CompleteFirstImage(cmd *cobra.Command, args []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return h.CompleteImages(cmd, args, typed)
}

// CompleteMadeNetworks completes the names of existing networks.
func (h *Host) CompleteMadeNetworks(cmd *cobra.Command, args []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words, directive := h.CompleteNetworks(cmd, args, typed)
	return slices.DeleteFunc(words, flags.IsMode), directive
}

// CompleteNetworks completes network modes and the names of networks.
func (h *Host) CompleteNetworks(cmd *cobra.Command, _ []string,
	_ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if h.Begin(cmd, nil) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	words := []cobra.Completion{mctr.NetworkNone, mctr.NetworkHost, cni.Default}
	networks, err := h.NetworkAPI()
	if err != nil {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	all, _ := networks.List(cmd.Context())
	for _, n := range all {
		if n.Name != cni.Default {
			words = append(words, n.Name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// CompleteContainers completes the names and short ids of containers.
func (h *Host) CompleteContainers(cmd *cobra.Command, _ []string,
	_ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if h.Begin(cmd, nil) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	c, err := h.API(context.Background())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, _ := h.Statuses(context.Background(), c)
	var words []cobra.Completion
	for _, s := range list {
		words = append(words, s.ID.Short())
		if s.Config.Name != "" {
			words = append(words, s.Config.Name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// CompleteVolumes completes the names of named volumes.
func (h *Host) CompleteVolumes(cmd *cobra.Command, _ []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if h.Begin(cmd, nil) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	volumes, err := h.VolumeAPI()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, _ := volumes.List(cmd.Context(), false)
	var words []cobra.Completion
	for _, v := range list {
		if strings.HasPrefix(v.Name, typed) {
			words = append(words, v.Name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// CompletePlugins completes the names of CSI plugins.
func (h *Host) CompletePlugins(cmd *cobra.Command, _ []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if h.Begin(cmd, nil) != nil || h.Remote() {
		return nil, cobra.ShellCompDirectiveError
	}
	list, _ := h.Local.CSI().Plugins.List()
	var words []cobra.Completion
	for _, p := range list {
		if strings.HasPrefix(p.Name, typed) {
			words = append(words, p.Name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
