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

// streams are the container's standard streams and the log they go to.
type streams struct {
	*pipes
	log       *logs.Log
	captures  []*logs.Capture
	stdinOnce bool
	writing   atomic.Bool // a client has stdin: there is one writer at a time
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

// begin captures the output. The log owns what it reads from, so a terminal,
// which is written to as well, is given as a duplicate.
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
	s.stdout, s.stderr = nil, nil // the log's now
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

// control does something with f's descriptor and leaves it in non-blocking
// mode, which File.Fd would not.
func control(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var doErr error
	err = raw.Control(func(fd uintptr) { doErr = do(int(fd)) })
	return errors.Join(err, doErr)
}

// drain waits for the end of the output, as long as there is progress, and
// counts it: a client that is slow gets every byte, one that is stuck holds
// up no other.
func (s *streams) drain() mctr.LogCount {
	s.settle()
	for _, c := range s.captures {
		c.Drain(0)
	}
	_ = s.log.Close()
	count := s.log.Stats()
	return mctr.LogCount{Bytes: count.Bytes, Dropped: count.Dropped, Removed: count.Removed}
}

// settle returns when both streams have ended, when nothing has moved for long
// enough, or after drainTime.
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

// takeInput makes the caller the one client that writes to stdin, until leaveInput.
func (s *streams) takeInput() bool { return s.writing.CompareAndSwap(false, true) }

func (s *streams) leaveInput() {
	s.writing.Store(false)
	if s.stdinOnce {
		s.closeInput()
	}
}

// input is the container's stdin for the client that took it, and its terminal's
// size for any.
func (s *streams) input(stdin bool) input {
	in := s.pipes.input(stdin)
	switch {
	case stdin && in.stdin != nil:
		in.left = s.leaveInput
	case stdin:
		in.gone = s.leaveInput
	}
	return in
}
