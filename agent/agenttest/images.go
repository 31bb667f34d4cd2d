package agenttest

import (
	"bytes"
	"io"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
)

// images checks that an image can be pulled, tagged, inspected and removed, and is kept while a
// container uses it.
func images(s *scene) {
	store := s.Images()
	image, err := store.Pull(s.ctx, s.image, provisioner.PullOptions{})
	s.check(err)
	s.check(store.Tag(s.ctx, s.image, "example.test/tagged:1"))
	tagged, err := store.Inspect(s.ctx, "example.test/tagged:1")
	if err != nil || tagged.ID != image.ID || len(tagged.RawManifest) == 0 || len(tagged.RawConfig) == 0 {
		s.Errorf("%+v, %v", tagged, err)
	}
	list, err := store.Images(s.ctx)
	if err != nil || len(list) != 2 {
		s.Errorf("%d images, %v", len(list), err)
	}
	if usage, err := store.Usage(s.ctx); err != nil || usage.Bytes == 0 || len(usage.Images) != 2 {
		s.Errorf("%+v, %v", usage, err)
	}
	report, err := store.Remove(s.ctx, "example.test/tagged:1", false)
	if err != nil || len(report.Untagged) != 1 {
		s.Errorf("%+v, %v", report, err)
	}
	s.launch("job", "sleep", "1000")
	_, err = store.Remove(s.ctx, s.image, false)
	s.want("removal of an image in use", err, mctr.ErrState)
	if report, err := store.Prune(s.ctx, provisioner.PruneOptions{All: true}); err != nil ||
		len(report.Untagged) != 0 {
		s.Errorf("pruned one in use: %+v, %v", report, err)
	}
	s.remove("job")
	kept := provisioner.PruneOptions{All: true, Keep: func(provisioner.Image) bool { return true }}
	if report, err := store.Prune(s.ctx, kept); err != nil || len(report.Untagged) != 0 {
		s.Errorf("pruned one that is kept: %+v, %v", report, err)
	}
	if report, err := store.Prune(s.ctx, provisioner.PruneOptions{All: true, DryRun: true}); err != nil ||
		len(report.Untagged) != 1 {
		s.Errorf("dry run: %+v, %v", report, err)
	}
	if report, err := store.Prune(s.ctx, provisioner.PruneOptions{All: true}); err != nil ||
		len(report.Untagged) != 1 {
		s.Errorf("prune: %+v, %v", report, err)
	}
	_, err = store.Inspect(s.ctx, s.image)
	s.want("inspect of one that was removed", err, mctr.ErrNotFound)
}

// imageArchives checks that an image can be saved and loaded again.
func imageArchives(s *scene) {
	store := s.Images()
	image, err := store.Pull(s.ctx, s.image, provisioner.PullOptions{})
	s.check(err)
	s.check(store.Tag(s.ctx, s.image, "example.test/saved:1"))
	var saved bytes.Buffer
	s.check(store.Save(s.ctx, []string{"example.test/saved:1"}, &saved, ""))
	_, err = store.Prune(s.ctx, provisioner.PruneOptions{All: true})
	s.check(err)
	loaded, err := store.Load(s.ctx, &saved, "saved.tar", provisioner.LoadOptions{})
	if err != nil || len(loaded) != 1 || loaded[0].ID != image.ID || loaded[0].Reference != "example.test/saved:1" {
		s.Errorf("%+v, %v", loaded, err)
	}
	_, err = store.Load(s.ctx, bytes.NewBufferString("no archive"), "wrong.tar", provisioner.LoadOptions{})
	s.want("load of data that is not an archive", err, mctr.ErrInvalid)
	err = store.Save(s.ctx, []string{"example.test/nothing:1"}, io.Discard, "")
	s.want("save of a missing image", err, mctr.ErrNotFound)
	_, err = store.Prune(s.ctx, provisioner.PruneOptions{All: true})
	s.check(err)
}
