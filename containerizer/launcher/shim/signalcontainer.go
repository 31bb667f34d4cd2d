package shim

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// withContainer calls do with the container, or returns the error of running.
func (s *Shim) withContainer(do func(engine.Container) error) error {
	c, err := s.running()
	if err != nil {
		return err
	}
	return do(c)
}

func (s *Shim) signal(sig wire.Signal) error {
	if sig.Signal < 1 || sig.Signal > 64 {
		return fmt.Errorf("%w: signal %d", mctr.ErrInvalid, sig.Signal)
	}
	return s.withContainer(func(c engine.Container) error {
		if sig.Signal == int(unix.SIGKILL) {
			s.mu.Lock()
			s.killRequested = true // set before the signal takes effect: the OOM killer sends the same one
			s.mu.Unlock()
		} else {
			awaitExec(c.Init())
		}
		if err := c.Signal(sig.Signal, sig.All); err != nil || !sig.Ends {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.thaw(c)
	})
}

// thaw resumes a paused container that was asked to exit, so that it can handle the signal. The
// caller holds the lock.
func (s *Shim) thaw(c engine.Container) error {
	if s.phase != mctr.Paused {
		return nil
	}
	if err := c.Resume(); err != nil {
		return fmt.Errorf("resume the container so that it can exit: %w", err)
	}
	s.phase = mctr.Running
	return nil
}

func (s *Shim) freeze(frozen bool) error {
	c, err := s.running()
	if err != nil {
		return err
	}
	if frozen {
		s.starting.Lock() // waits for execs that are entering the container
		defer s.starting.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to, act := mctr.Running, mctr.Paused, c.Pause
	if !frozen {
		from, to, act = mctr.Paused, mctr.Running, c.Resume
	}
	if s.phase != from {
		return fmt.Errorf("%w: container is %s, not %s", mctr.ErrState, s.phase, from)
	}
	if err := act(); err != nil {
		return err
	}
	s.phase = to
	return nil
}

func (s *Shim) resize(size wire.Size) error {
	return s.withContainer(func(c engine.Container) error {
		master := c.Init().Console
		if master == nil {
			return fmt.Errorf("%w: container has no terminal", mctr.ErrState)
		}
		return setSize(master, size)
	})
}

// setSize sets a terminal's size (TIOCSWINSZ, ioctl_tty(2)).
func setSize(master *os.File, size wire.Size) error {
	return control(master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
}
