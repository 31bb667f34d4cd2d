package backendtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/backend"
)

func merged(s *scene, m backend.Mount) error {
	return s.with(m, func() error {
		return errors.Join(
			names(m.Target, "d"), names(filepath.Join(m.Target, "d"), "a", "b", "both"),
			content(filepath.Join(m.Target, "d/a"), "a"), content(filepath.Join(m.Target, "d/both"), "b"))
	})
}

func unchanged(s *scene, m backend.Mount) error {
	err := s.with(m, func() error {
		return errors.Join(
			os.WriteFile(filepath.Join(m.Target, "d/a"), []byte("changed"), 0o600),
			os.Remove(filepath.Join(m.Target, "d/b")), os.Chmod(filepath.Join(m.Target, "d"), 0o700))
	})
	info, statErr := os.Stat(s.path("b/d"))
	if statErr == nil && info.Mode().Perm() != 0o755 {
		statErr = fmt.Errorf("a layer's directory became %v", info.Mode())
	}
	return errors.Join(err, statErr, content(s.path("a/d/a"), "a"), content(s.path("b/d/b"), "b"))
}

func kept(s *scene, m backend.Mount) error {
	err := s.with(m, func() error {
		return errors.Join(os.WriteFile(filepath.Join(m.Target, "new"), []byte("kept"), 0o600),
			os.Remove(filepath.Join(m.Target, "d/a")))
	})
	return errors.Join(err, s.with(m, func() error {
		return errors.Join(content(filepath.Join(m.Target, "new"), "kept"),
			names(filepath.Join(m.Target, "d"), "b", "both"))
	}))
}

func readOnly(s *scene, m backend.Mount) error {
	m.ReadOnly = true
	m.Lowers[1].Root = true
	return s.with(m, func() error {
		if err := os.WriteFile(filepath.Join(m.Target, "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
			return fmt.Errorf("write to a read-only root: %w, want EROFS", err)
		}
		return names(m.Target, "d")
	})
}

func rootDirectory(s *scene, m backend.Mount) error {
	c, err := s.layer("c", "x")
	m.Lowers = append(m.Lowers, c)
	m.Lowers[1].Root = true
	err = errors.Join(err, os.Chown(s.path("b"), 12, 13), unix.Chmod(s.path("b"), 0o1711))
	if err != nil {
		return err
	}
	return s.with(m, func() error { return owner(m.Target, 0o1711, 12, 13) })
}

func owner(path string, mode, uid, gid uint32) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if st.Mode&0o7777 != mode || st.Uid != uid || st.Gid != gid {
		return fmt.Errorf("%s is %o of %d:%d, want %o of %d:%d", path, st.Mode&0o7777, st.Uid, st.Gid, mode, uid, gid)
	}
	return nil
}

func noLayers(s *scene, _ backend.Mount) error {
	m := backend.Mount{RW: s.path("rw"), Target: s.path("target")}
	err := s.with(m, func() error {
		return errors.Join(names(m.Target), owner(m.Target, 0o755, 0, 0),
			os.WriteFile(filepath.Join(m.Target, "f"), nil, 0o600))
	})
	m = backend.Mount{RW: s.path("rw2"), Target: s.path("target"), ReadOnly: true}
	return errors.Join(err, s.with(m, func() error { return names(m.Target) }))
}

func twice(s *scene, m backend.Mount) error {
	m.Lowers = append(m.Lowers, m.Lowers[0])
	return s.with(m, func() error {
		return errors.Join(names(m.Target, "d", "dgone", "gone"), content(filepath.Join(m.Target, "d/both"), "a"))
	})
}

func oddNames(s *scene, _ backend.Mount) error {
	s.dir = filepath.Join(s.dir, `a:b,c\d e=f`)
	m, err := s.two()
	if err != nil {
		return err
	}
	return s.with(m, func() error { return names(m.Target, "d") })
}

func unmountTwice(s *scene, m backend.Mount) error {
	err := s.with(m, func() error { return nil })
	return errors.Join(err, s.Unmount(context.Background(), m.RW, m.Target))
}

func unmountUnknown(s *scene, _ backend.Mount) error {
	return s.Unmount(context.Background(), s.path("no/rw"), s.path("no/target"))
}

func unmountFailed(s *scene, m backend.Mount) error {
	m.Lowers[0].Dir = s.path("missing")
	if err := s.Mount(context.Background(), m); err == nil {
		return errors.Join(errors.New("a missing layer was mounted"),
			s.Unmount(context.Background(), m.RW, m.Target))
	}
	if err := s.Unmount(context.Background(), m.RW, m.Target); err != nil {
		return err
	}
	m.Lowers = m.Lowers[1:]
	return s.with(m, func() error { return names(filepath.Join(m.Target, "d"), "b", "both") })
}

// unmountBusy unmounts while a file is open: the mount point must be free at once.
func unmountBusy(s *scene, m backend.Mount) error {
	var open *os.File
	err := s.with(m, func() (err error) {
		open, err = os.Open(filepath.Join(m.Target, "d/a"))
		return err
	})
	if open != nil {
		err = errors.Join(err, open.Close())
	}
	return err
}

func mappedOwners(s *scene, m backend.Mount) error {
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	m.IDs = &backend.IDMap{UIDs: ids, GIDs: ids}
	if err := os.Chown(s.path("a/d/a"), 7, 8); err != nil {
		return err
	}
	return s.with(m, func() error {
		return errors.Join(
			owner(m.Target, 0o755, 100000, 100000), owner(filepath.Join(m.Target, "d/a"), 0o644, 100007, 100008),
			os.WriteFile(filepath.Join(m.Target, "d/a"), []byte("changed"), 0o600),
			owner(filepath.Join(m.Target, "d/a"), 0o644, 100007, 100008), owner(s.path("a/d/a"), 0o644, 7, 8))
	})
}

func volatile(s *scene, m backend.Mount) error {
	m.Volatile = true
	write := func() error { return os.WriteFile(filepath.Join(m.Target, "new"), []byte("kept"), 0o600) }
	read := func() error { return content(filepath.Join(m.Target, "new"), "kept") }
	return errors.Join(s.with(m, write), s.with(m, read))
}
