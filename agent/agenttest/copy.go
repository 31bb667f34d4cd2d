package agenttest

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
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
