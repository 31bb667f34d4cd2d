package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/provisioner"
)

// completeImages offers the names of the store's images: whole, and as docker
// abbreviates them if they are typed so.
func (a *app) completeImages(cmd *cobra.Command, _ []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if a.begin(cmd, nil) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	store, err := a.imageAPI()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	images, _ := store.Images(cmd.Context())
	var words []cobra.Completion
	for _, image := range images {
		if provisioner.IsUnnamed(&image) {
			words = append(words, shortDigest(image.ID.Encoded()))
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

// familiar is a reference without what docker adds to it.
func familiar(ref string) string {
	ref = strings.TrimSuffix(ref, ":latest")
	if rest, ok := strings.CutPrefix(ref, "docker.io/"); ok {
		return strings.TrimPrefix(rest, "library/")
	}
	return ref
}

// completeFirstImage is for commands of which the first argument alone is an image
// of the store; what follows may be anything.
func (a *app) completeFirstImage(cmd *cobra.Command, args []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completeImages(cmd, args, typed)
}
