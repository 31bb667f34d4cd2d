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

// stateDirInterval is about how often a shim looks whether its directory is still there.
const stateDirInterval = 10 * time.Second

// maintainStateDir keeps the container reachable while it runs: where its directory in STATE was
// deleted, or hidden by a mount, the shim makes it again with its socket, its lock and
// the Created record, which are all that another process needs to find the container. It
// looks now and then, and at once when it gets SIGHUP. l listens at socket.
func (s *Shim) maintainStateDir(l net.Listener, socket os.FileInfo, hangUps <-chan os.Signal) {
	defer func() { _ = l.Close() }()
	for {
		// shims started together need not look together
		pause := time.NewTimer(stateDirInterval + rand.N(stateDirInterval/4))
		select {
		case <-s.over:
			pause.Stop()
			return
		case <-hangUps:
			pause.Stop()
		case <-pause.C:
		}
		home := s.stateDir()
		if home == "" || isAt(socket, filepath.Join(home, wire.SocketName)) {
			continue
		}
		made, err := s.restoreStateDir(home)
		if err != nil {
			s.log.Error("make the container's directory again", "error", err)
			continue
		}
		_ = l.Close()
		l, socket = made, lstat(filepath.Join(home, wire.SocketName))
		go s.accept(l)
	}
}

// lstat returns nil where nothing is at path.
func lstat(path string) os.FileInfo {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return info
}

func isAt(file os.FileInfo, path string) bool {
	found := lstat(path)
	return file != nil && found != nil && os.SameFile(file, found)
}

// stateDir is the container's directory in STATE; "" while it does not run.
func (s *Shim) stateDir() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.create == nil || s.exit != nil || s.phase != mctr.Running && s.phase != mctr.Paused {
		return ""
	}
	return filepath.Dir(s.create.Created)
}

// restoreStateDir makes the directory, with the lock last: with it the container counts as one
// that runs and answers. The lock is held until this process ends.
func (s *Shim) restoreStateDir(home string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(filepath.Dir(home)), 0o711); err != nil {
		return nil, err
	}
	// An exec starts in the bundle's rootfs, empty though it is, before it enters the container.
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
	if errors.Is(err, flock.ErrHeld) { // the old file is still there, with the lock this shim inherited
		err = nil
	}
	if err == nil {
		err = errors.Join(atomicfile.WriteJSON(s.create.Created, s.created), reserveExitRecord(s.create.FallbackExit))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("in %s: %w", home, err), l.Close(), lock.Unlock())
	}
	if lock != nil {
		s.alive = lock
	}
	s.log.Warn("the container's directory was gone, and was made again", "directory", home)
	return l, nil
}
