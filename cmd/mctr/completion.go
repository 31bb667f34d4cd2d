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

// completeRest gives the commands that complete nothing of their own what suits
// them: images where an image comes first, and otherwise no files where there is
// nothing to be named.
func (a *app) completeRest(root *cobra.Command) {
	everyCommand(root, func(c *cobra.Command) {
		if c.ValidArgsFunction != nil || c.HasSubCommands() {
			return
		}
		switch c.CommandPath() {
		case "mctr run", "mctr create", "mctr container run", "mctr container create", "mctr image unpack":
			c.ValidArgsFunction = a.completeFirstImage
		case "mctr images", "mctr image ls", "mctr image inspect", "mctr pull", "mctr image pull":
			c.ValidArgsFunction = a.completeImages
		case "mctr ps", "mctr container ls", "mctr prune", "mctr doctor", "mctr events", "mctr reconcile",
			"mctr version", "mctr system df", "mctr system info", "mctr load", "mctr image load":
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	})
}
