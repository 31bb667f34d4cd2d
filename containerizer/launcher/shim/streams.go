package shim

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
)

// streams are the container's standard streams, and the log of their output.
type streams struct {
	*pipes
	log       *logs.Log
	captures  []*logs.Capture
	stdinOnce bool
	writing   atomic.Bool // a client is attached to stdin, which has one writer at a time
}

func openStreams(c *wire.Create, terminal bool) (*streams, error) {
	log, err := logs.Open(c.LogDir, logs.Config(c.Log))
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	pipes, err := openPipes(terminal, c.Stdin)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return &streams{pipes: pipes, log: log, stdinOnce: c.StdinOnce}, nil
}

// begin starts to log the output. The log closes what it reads from, so a terminal, which is also
// written to, is duplicated for it.
func (s *streams) begin(master *os.File) error {
	s.master = master
	for stream, r := range s.outputs() {
		if master != nil {
			dup, err := duplicate(master)
			if err != nil {
				return err
			}
			r = dup
		}
		capture, err := s.log.Capture(logStream[stream], r)
		if err != nil {
			return err
		}
		s.captures = append(s.captures, capture)
	}
	s.stdout, s.stderr = nil, nil // the log owns them now
	return nil
}

var logStream = map[byte]logs.Stream{wire.Stdout: logs.Stdout, wire.Stderr: logs.Stderr}

func duplicate(f *os.File) (*os.File, error) {
	var dup int
	err := control(f, func(fd int) (err error) {
		dup, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("duplicate the terminal: %w", err)
	}
	return os.NewFile(uintptr(dup), f.Name()), nil
}

// control calls do with f's descriptor. Unlike File.Fd it leaves the descriptor in non-blocking
// mode.
func control(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var doErr error
	err = raw.Control(func(fd uintptr) { doErr = do(int(fd)) })
	return errors.Join(err, doErr)
}

// drain waits for the end of the output as long as there is progress, and returns how much was
// logged. A slow client gets every byte; a stuck client delays no other.
func (s *streams) drain() mctr.LogCount {
	s.settle()
	for _, c := range s.captures {
		c.Drain(0)
	}
	_ = s.log.Close()
	count := s.log.Stats()
	return mctr.LogCount{Bytes: count.Bytes, Dropped: count.Dropped, Removed: count.Removed}
}

// settle returns when both streams have ended, when nothing has moved for long enough, or after
// drainTime.
func (s *streams) settle() {
	end := time.After(drainTime)
	for _, c := range s.captures {
		for moved := int64(-1); !ended(c); {
			now := s.log.Stats().Bytes
			if now == moved {
				return
			}
			moved = now
			patience := stuckTime
			if c.Idle() {
				patience = stillTime
			}
			select {
			case <-c.Done():
			case <-end:
				return
			case <-time.After(patience):
			}
		}
	}
}

func ended(c *logs.Capture) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

func (s *streams) close() error { return errors.Join(s.pipes.close(), s.log.Close()) }

// takeInput makes the caller the only client that writes to stdin, until leaveInput. It returns
// false if another client is.
func (s *streams) takeInput() bool { return s.writing.CompareAndSwap(false, true) }

func (s *streams) leaveInput() {
	s.writing.Store(false)
	if s.stdinOnce {
		s.closeInput()
	}
}

// input returns the destination of a client's chunks: stdin for the client that took it, and the
// terminal's size for any client.
func (s *streams) input(stdin bool) input {
	in := s.pipes.input(stdin)
	switch {
	case stdin && in.stdin != nil:
		in.left = s.leaveInput
	case stdin:
		in.disconnected = s.leaveInput
	}
	return in
}
