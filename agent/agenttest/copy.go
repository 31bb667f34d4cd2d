package agenttest

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/provisioner"
)

// copies checks that files can be copied into and out of a container, while it is running and after
// it has exited.
func copies(s *scene) {
	s.launch("job", "sh", "-c", "ln -s nowhere /tmp/link; until [ -e /tmp/end ]; do sleep 0.05; done")
	s.check(s.CopyTo(s.ctx, "job", "/tmp", archive(s, "in", "content"), containerizer.CopyOptions{}))
	s.wantFile("/tmp/in", "content")
	stat, err := s.StatPath(s.ctx, "job", "/tmp/in", containerizer.CopyOptions{})
	if err != nil || stat.Name() != "in" || stat.Size() != 7 || stat.Mode() != 0o640 || stat.IsDir() {
		s.Errorf("%+v, %v", stat, err)
	}
	s.eventually("there is a link", func() bool {
		_, err := s.StatPath(s.ctx, "job", "/tmp/link", containerizer.CopyOptions{})
		return err == nil
	})
	link, err := s.StatPath(s.ctx, "job", "/tmp/link", containerizer.CopyOptions{})
	if err != nil || link.Mode()&fs.ModeSymlink == 0 || link.LinkTarget == "" {
		s.Errorf("%+v, %v", link, err)
	}
	s.check(s.CopyTo(s.ctx, "job", "/tmp", archive(s, "end", ""), containerizer.CopyOptions{}))
	s.wantExit("job", 0)
	s.wantFile("/tmp/in", "content")
	_, err = s.StatPath(s.ctx, "job", "/tmp/missing", containerizer.CopyOptions{})
	s.want("stat of a missing file", err, mctr.ErrNotFound)
	err = s.CopyFrom(s.ctx, "job", "/tmp/missing", io.Discard, containerizer.CopyOptions{})
	s.want("copy of a missing file", err, mctr.ErrNotFound)
	err = s.CopyTo(s.ctx, "job", "/tmp/missing", archive(s, "in", ""), containerizer.CopyOptions{})
	s.want("copy to a missing directory", err, mctr.ErrNotFound)
	err = s.CopyTo(s.ctx, "job", "/tmp", bytes.NewBufferString("no archive"), containerizer.CopyOptions{})
	s.want("copy of data that is not an archive", err, mctr.ErrInvalid)
	s.remove("job")
}

// archive returns a tar stream with one file.
func archive(s *scene, name, content string) io.Reader {
	s.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	s.check(w.WriteHeader(&tar.Header{Name: name, Mode: 0o640, Size: int64(len(content))}))
	_, err := io.WriteString(w, content)
	s.check(err)
	s.check(w.Close())
	return &data
}

// wantFile checks the content of a file in the container job.
func (s *scene) wantFile(path, want string) {
	s.Helper()
	var data bytes.Buffer
	s.check(s.CopyFrom(s.ctx, "job", path, &data, containerizer.CopyOptions{Name: "renamed"}))
	r := tar.NewReader(&data)
	header, err := r.Next()
	s.check(err)
	content, err := io.ReadAll(r)
	if err != nil || header.Name != "renamed" || string(content) != want {
		s.Errorf("%s is %s, %q, %v; want %q", path, header.Name, content, err, want)
	}
}

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

// networks checks that a network can be created, inspected, used and removed.
func networks(s *scene) {
	api := s.Networks()
	s.check(api.Create(s.ctx, "contract", cni.Definition{Internal: true, Labels: map[string]string{"a": "b"}}))
	s.want("a second one of the name", api.Create(s.ctx, "contract", cni.Definition{}), mctr.ErrExists)
	details, err := api.Inspect(s.ctx, "contract")
	if err != nil || details.Name != "contract" || details.Definition == nil || !details.Definition.Internal ||
		details.Definition.Labels["a"] != "b" {
		s.Errorf("%+v, %v", details, err)
	}
	s.check(api.Available(s.ctx, "contract"))
	config := s.config("sleep", "1000")
	config.Networks = []mctr.NetworkConfig{{Name: "contract"}}
	s.launchConfig("job", config)
	checked, err := api.Check(s.ctx, "job")
	if err != nil || len(checked) != 1 || checked[0].Network != "contract" || checked[0].Problem != "" {
		s.Errorf("%+v, %v", checked, err)
	}
	list, err := api.List(s.ctx)
	attached := 0
	for _, n := range list {
		attached += len(n.Containers["job"])
	}
	if err != nil || attached != 1 {
		s.Errorf("%+v, %v", list, err)
	}
	s.want("removal of one in use", api.Remove(s.ctx, "contract"), mctr.ErrState)
	s.remove("job")
	s.check(api.GC(s.ctx, "contract"))
	s.check(api.Remove(s.ctx, "contract"))
	_, err = api.Inspect(s.ctx, "contract")
	s.want("inspect of one that was removed", err, mctr.ErrNotFound)
}
