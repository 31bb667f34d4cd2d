package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvery is the interval at which a follower polls if the kernel refuses it inotify
// (fs.inotify.max_user_instances is 128 by default).
const pollEvery = 100 * time.Millisecond

// lookEvery is the interval at which a follower looks without an event: the kernel reports neither
// the removal of a directory that is held open nor writes by other hosts.
const lookEvery = time.Second

// A watch waits for changes in a directory.
type watch struct{ events *os.File } // nil: poll

func newWatch(d directory) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return &watch{}, nil
	}
	const what = unix.IN_MODIFY | unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_DELETE |
		unix.IN_DELETE_SELF | unix.IN_ONLYDIR
	if _, err := unix.InotifyAddWatch(fd, fmt.Sprintf("/proc/self/fd/%d", d.Fd()), what); err != nil {
		return &watch{}, unix.Close(fd)
	}
	return &watch{os.NewFile(uintptr(fd), "inotify")}, nil
}

// wait returns after a change since the last wait, when ctx is done, or when it is time to look
// again.
func (w *watch) wait(ctx context.Context) error {
	if w.events == nil {
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
		return nil
	}
	_ = w.events.SetReadDeadline(time.Now().Add(lookEvery))
	stop := context.AfterFunc(ctx, func() { _ = w.events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var events [4096]byte // their content does not matter
	if _, err := w.events.Read(events[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("follow log: %w", err)
	}
	return nil
}

func (w *watch) close() {
	if w != nil && w.events != nil {
		_ = w.events.Close()
	}
}
