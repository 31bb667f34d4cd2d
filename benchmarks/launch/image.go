package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// writeImage makes an OCI layout of this host's static busybox in two layers, and returns its
// reference.
func writeImage(dir string) (ref string, err error) {
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return "", fmt.Errorf("%w (apt-get install busybox-static)", err)
	}
	programs, err := layerOf(
		directory("proc"), directory("sys"), directory("dev"), directory("tmp"), // directories of every image
		file("bin/busybox", 0o755, string(busybox)),
		link("bin/true", "busybox"), link("bin/sleep", "busybox"), link("bin/sh", "busybox"))
	if err != nil {
		return "", err
	}
	users, err := layerOf(file("etc/passwd", 0o644, "root:x:0:0:root:/:/bin/sh\n"),
		file("etc/group", 0o644, "root:x:0:\n"))
	if err != nil {
		return "", err
	}
	image, err := mutate.AppendLayers(empty.Image, programs, users)
	if err != nil {
		return "", err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return "", err
	}
	return "oci:" + dir, path.AppendImage(image)
}

// An entry is a file of a layer.
type entry struct {
	header  tar.Header
	content string
}

func file(name string, mode int64, content string) entry {
	return entry{tar.Header{Name: name, Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}, content}
}

func directory(name string) entry {
	return entry{header: tar.Header{Name: name + "/", Mode: 0o755, Typeflag: tar.TypeDir}}
}

func link(name, to string) entry {
	return entry{header: tar.Header{Name: name, Linkname: to, Mode: 0o777, Typeflag: tar.TypeSymlink}}
}

func layerOf(entries ...entry) (v1.Layer, error) {
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, e := range entries {
		if err := w.WriteHeader(&e.header); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data.Bytes())), nil
	})
}
