package containerizer_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// TestPruneImages wants the images that a container uses, or that are named, to stay.
func TestPruneImages(t *testing.T) {
	a := newAgent(t)
	store, err := provisioner.New(a.root)
	if err != nil {
		t.Fatal(err)
	}
	refs := map[string]string{}
	for _, name := range []string{"named", "unused"} {
		ref := imagetest.Layout(t, t.TempDir(), "latest", imagetest.Simple(t, name))
		image, err := store.Pull(t.Context(), ref, provisioner.PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		refs[name] = image.Reference
	}
	a.launch("user", "sleep", "100")
	keep, err := provisioner.Named(refs["named"])
	if err != nil {
		t.Fatal(err)
	}
	report, err := store.Prune(t.Context(), provisioner.PruneOptions{All: true, Keep: keep})
	if err != nil || !slices.Equal(report.Untagged, []string{refs["unused"]}) {
		t.Errorf("untagged %q, %v; want %q", report.Untagged, err, refs["unused"])
	}
	if left, err := store.Images(t.Context()); err != nil || len(left) != 2 {
		t.Errorf("%d images are left, %v", len(left), err)
	}
	if _, err := provisioner.Named("no image !"); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("a name that is none: %v", err)
	}
	a.remove("user")
}
