package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// maxEntries bounds a listing, because a task may create any number of files.
const maxEntries = 100_000

// Browse returns the entries of a directory, sorted by name.
func (t Tree) Browse(ctx context.Context, name string) ([]Info, error) {
	p, err := parse(name)
	if err != nil {
		return nil, err
	}
	if p.id == "" {
		ids, err := t.Containers.Containers()
		list := []Info{}
		for _, id := range slices.Sorted(slices.Values(ids)) {
			list = append(list, virtual(p.path(string(id)), unix.S_IFDIR|0o755, 0, time.Time{}))
		}
		return list, err
	}
	status, err := t.Containers.Status(ctx, p.id)
	if err != nil {
		return nil, err
	}
	if !p.in {
		return []Info{virtual(p.path(sandbox), unix.S_IFDIR|0o755, 0, status.Created)}, nil
	}
	list, err := t.directory(p, status)
	if err == nil && p.rest == "" {
		list, err = t.withStreams(ctx, p, status, list)
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Compare(a.Path, b.Path) })
	return list, err
}

// virtual returns the Info of a file that exists in no filesystem.
func virtual(path string, mode uint32, size int64, at time.Time) Info {
	return Info{Path: path, Mode: mode, Size: size, Mtime: at, Nlink: 1}
}

// directory lists a directory of a sandbox. A sandbox that was not created yet is empty.
func (t Tree) directory(p place, status *mctr.Status) ([]Info, error) {
	f, info, err := open(status.Sandbox, p.rest)
	if errors.Is(err, mctr.ErrNotFound) && p.rest == "" {
		return []Info{}, nil
	}
	if errors.Is(err, mctr.ErrNotFound) {
		return nil, p.missing()
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil, fmt.Errorf("%w: %s is not a directory (read it)", mctr.ErrInvalid, p.path(""))
	}
	names, err := f.Readdirnames(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > maxEntries {
		return nil, fmt.Errorf("%w: %s has more than %d entries", mctr.ErrInvalid, p.path(""), maxEntries)
	}
	return p.list(f, names), nil
}

// list returns the Info of each entry, without following links. It omits entries that were removed
// meanwhile.
func (p place) list(dir *os.File, names []string) []Info {
	list := []Info{}
	for _, name := range names {
		var s unix.Stat_t
		if unix.Fstatat(int(dir.Fd()), name, &s, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		list = append(list, Info{
			Path: p.path(name), Mode: s.Mode, Size: s.Size, Mtime: time.Unix(s.Mtim.Unix()), Nlink: uint64(s.Nlink),
			UID: s.Uid, GID: s.Gid,
		})
	}
	return list
}

// withStreams adds stdout and stderr. They hide files of the sandbox with these names.
func (t Tree) withStreams(ctx context.Context, p place, status *mctr.Status, list []Info) ([]Info, error) {
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		_, size, err := t.stream(ctx, p.id, streams[name], -1, 0)
		if errors.Is(err, mctr.ErrUnsupported) || errors.Is(err, mctr.ErrNotFound) {
			continue // the container has no log
		}
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(i Info) bool { return i.Path == p.path(name) })
		list = append(list, virtual(p.path(name), unix.S_IFREG|0o600, size, status.Created))
	}
	return list, nil
}
