package shim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// stateDirInterval is roughly how often a shim checks that its directory still exists.
const stateDirInterval = 10 * time.Second

// maintainStateDir keeps the container reachable while it runs. If its directory in STATE was
// deleted or is hidden by a mount, the shim restores it with its socket, its lock and the Created
// record, which is all that another process needs to find the container. The shim checks regularly,
// and at once on SIGHUP. l listens at socket.
func (s *Shim) maintainStateDir(l net.Listener, socket os.FileInfo, hangUps <-chan os.Signal) {
	defer func() { _ = l.Close() }()
	for {
		// random, so that shims that started together do not all check at once
		pause := time.NewTimer(stateDirInterval + rand.N(stateDirInterval/4))
		select {
		case <-s.done:
			pause.Stop()
			return
		case <-hangUps:
			pause.Stop()
		case <-pause.C:
		}
		home := s.stateDir()
		if home == "" || sameFileAt(socket, filepath.Join(home, wire.SocketName)) {
			continue
		}
		made, err := s.restoreStateDir(home)
		if err != nil {
			s.log.Error("restore the container's directory", "error", err)
			continue
		}
		_ = l.Close()
		l, socket = made, lstat(filepath.Join(home, wire.SocketName))
		go s.accept(l)
	}
}

// lstat returns nil if there is no file at path.
func lstat(path string) os.FileInfo {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return info
}

func sameFileAt(file os.FileInfo, path string) bool {
	found := lstat(path)
	return file != nil && found != nil && os.SameFile(file, found)
}

// stateDir returns the container's directory in STATE, or "" while the container is not running.
func (s *Shim) stateDir() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.create == nil || s.exit != nil || s.phase != mctr.Running && s.phase != mctr.Paused {
		return ""
	}
	return filepath.Dir(s.create.Created)
}

// restoreStateDir creates the directory and its files. It locks last, because from then on other
// processes expect an answer. The lock is held until this process exits.
func (s *Shim) restoreStateDir(home string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(filepath.Dir(home)), 0o711); err != nil {
		return nil, err
	}
	// The engine needs the bundle's rootfs directory, even an empty one, because an exec starts
	// there.
	if err := errors.Join(os.MkdirAll(home, 0o700),
		os.MkdirAll(filepath.Join(s.create.Bundle, "rootfs"), 0o700)); err != nil {
		return nil, err
	}
	socket, err := wire.Listen(home)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	l, err := net.FileListener(socket)
	if err != nil {
		return nil, err
	}
	lock, err := flock.TryExclusive(filepath.Join(home, wire.AliveName))
	if errors.Is(err, flock.ErrHeld) { // the old file still exists, and this shim holds its lock
		err = nil
	}
	if err == nil {
		err = errors.Join(atomicfile.WriteJSON(s.create.Created, s.created), reserveExitRecord(s.create.FallbackExit))
	}
	if err != nil {
		lock.Unlock()
		return nil, errors.Join(fmt.Errorf("in %s: %w", home, err), l.Close())
	}
	if lock != nil {
		s.alive = lock
	}
	s.log.Warn("the container's directory was missing and has been restored", "directory", home)
	return l, nil
}
