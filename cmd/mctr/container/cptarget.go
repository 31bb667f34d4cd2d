package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
)

// A copySource has the properties of the source that determine where the copy goes.
type copySource struct {
	base  string // the last part of its path; "." for a directory's content
	isDir bool
}

// sourceOf returns the source of an absolute path on the host or in the container.
func sourceOf(file string, isDir bool) copySource {
	if strings.HasSuffix(file, "/.") || path.Clean(file) == "/" {
		return copySource{".", isDir}
	}
	return copySource{path.Base(path.Clean(file)), isDir}
}

// A copyTarget is the destination of a copy, after following links.
type copyTarget struct {
	path   string
	exists bool
	isDir  bool
}

// resolveTarget returns the directory that a copy goes to, which must exist, and the name in it. The
// rules are those of docker.
func resolveTarget(src copySource, dst copyTarget) (dir, name string, err error) {
	switch {
	case dst.exists && dst.isDir:
		return dst.path, src.base, nil
	case dst.exists && src.isDir:
		return "", "", fmt.Errorf("%w: cannot copy a directory to %s, which is a file", mctr.ErrExists, dst.path)
	case !dst.exists && !src.isDir && (strings.HasSuffix(dst.path, "/") || strings.HasSuffix(dst.path, "/.")):
		return "", "", fmt.Errorf("%w: no such directory: %s", mctr.ErrNotFound, dst.path)
	}
	whole := path.Clean(dst.path)
	return path.Dir(whole), path.Base(whole), nil
}

// maxLinks is the maximum number of symbolic links in a destination, as in the kernel.
const maxLinks = 40

// statTarget follows links at the end of a path. The target of the last one may be missing, because
// the copy creates it.
func statTarget(file string, stat func(string) (fs.FileInfo, string, error)) (copyTarget, error) {
	for range maxLinks {
		info, target, err := stat(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, mctr.ErrNotFound) {
			return copyTarget{path: file}, nil
		}
		if err != nil {
			return copyTarget{}, err
		}
		switch mode := info.Mode(); {
		case mode&fs.ModeSymlink != 0:
			if !path.IsAbs(target) {
				target = path.Join(path.Dir(path.Clean(file)), target)
			}
			file = target
			continue
		case !mode.IsDir() && !mode.IsRegular():
			return copyTarget{}, fmt.Errorf("%w: the destination %s must be a directory or a regular file",
				mctr.ErrInvalid, file)
		}
		return copyTarget{path: file, exists: true, isDir: info.IsDir()}, nil
	}
	return copyTarget{}, fmt.Errorf("%w: the destination %s: too many symbolic links", mctr.ErrInvalid, file)
}

// hostPath makes a path on the host absolute, and keeps a slash or dot at its end.
func hostPath(file string) (string, error) {
	abs, err := filepath.Abs(file)
	switch {
	case err != nil || abs == "/":
	case path.Base(file) == "." || strings.HasSuffix(file, "/."):
		abs += "/."
	case strings.HasSuffix(file, "/"):
		abs += "/"
	}
	return abs, err
}

// statHostTarget returns a destination on the host. It fails if the parent does not exist.
func statHostTarget(file string) (copyTarget, error) {
	abs, err := hostPath(file)
	if err != nil {
		return copyTarget{}, err
	}
	dst, err := statTarget(abs, func(file string) (fs.FileInfo, string, error) {
		info, err := os.Lstat(file)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return info, "", err
		}
		target, err := os.Readlink(file)
		return info, target, err
	})
	if err != nil || dst.exists {
		return dst, err
	}
	parent := path.Dir(path.Clean(dst.path))
	if info, err := os.Stat(parent); err != nil {
		return dst, err
	} else if !info.IsDir() {
		return dst, fmt.Errorf("%w: %s is not a directory", mctr.ErrInvalid, parent)
	}
	return dst, nil
}

// statContainerTarget returns a destination in the container.
func (x *copying) statContainerTarget(ctx context.Context, file string) (copyTarget, error) {
	file = "/" + strings.TrimLeft(file, "/")
	return statTarget(file, func(file string) (fs.FileInfo, string, error) {
		o := x.options("")
		o.FollowLink = false
		stat, err := x.c.StatPath(ctx, x.id, file, o)
		if err != nil {
			return nil, "", err
		}
		return stat, stat.LinkTarget, nil
	})
}
