package ociruntime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A notifier reports a container's readiness to the service manager of this program (sd_notify(3)).
// The container notifies a socket of its own; the notifier sends the manager READY and the
// container's pid. It is nil if there is no manager.
type notifier struct {
	manager, dir string
	conn         *net.UnixConn
}

// barrierTimeout bounds the wait for a manager that does not support barriers.
const barrierTimeout = 5 * time.Second

const (
	notifyName   = "notify"      // among the container's records
	notifyDir    = "/run/notify" // in the container
	notifySocket = "notify.sock"
)

func newNotifier(root, id string) *notifier {
	manager := os.Getenv("NOTIFY_SOCKET")
	if manager == "" {
		return nil
	}
	return &notifier{manager: manager, dir: filepath.Join(root, id, notifyName)}
}

// mountSocket adds a mount of the socket's directory, unless the container has no process.
func (n *notifier) mountSocket(s *specs.Spec) {
	if n == nil || s.Process == nil {
		return
	}
	s.Mounts = append(s.Mounts,
		specs.Mount{Destination: notifyDir, Source: n.dir,
			Options: []string{"bind", "nosuid", "noexec", "nodev", "ro"}})
	s.Process.Env = append(s.Process.Env, "NOTIFY_SOCKET="+filepath.Join(notifyDir, notifySocket))
}

// mkdir creates the socket's directory among the records of the container.
func (n *notifier) mkdir(records string) error {
	if n == nil {
		return nil
	}
	return os.Mkdir(filepath.Join(records, notifyName), 0o755)
}

// bind creates the socket, if the directory exists: it is missing in a container that was created
// without a manager.
func (n *notifier) bind() (err error) {
	if n == nil {
		return nil
	}
	path := filepath.Join(n.dir, notifySocket)
	n.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create the socket for notifications: %w", err)
	}
	return os.Chmod(path, 0o777) // the ready process may run as any user
}

// relay waits until the container reports that it is ready, or has exited.
func (n *notifier) relay(pid int) error {
	if n == nil || n.conn == nil {
		return nil
	}
	defer n.conn.Close()
	buf := make([]byte, 4096)
	for unix.Kill(pid, 0) == nil {
		_ = n.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		size, err := n.conn.Read(buf)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		for line := range bytes.SplitSeq(buf[:size], []byte("\n")) {
			if bytes.HasPrefix(line, []byte("READY=")) {
				return n.notifyManager(line, pid)
			}
		}
	}
	return nil
}

func (n *notifier) notifyManager(ready []byte, pid int) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.manager, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s\nMAINPID=%d\n", ready, pid); err != nil {
		return err
	}
	return awaitBarrier(conn)
}

// awaitBarrier waits until the manager has read the notification. The manager looks up the sender,
// which must not have exited by then (sd_notify_barrier(3)).
func awaitBarrier(conn *net.UnixConn) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	_, _, err = conn.WriteMsgUnix([]byte("BARRIER=1"), unix.UnixRights(int(w.Fd())), nil)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := r.SetReadDeadline(time.Now().Add(barrierTimeout)); err != nil {
		return err
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("wait for the service manager: %w", err)
	}
	return nil
}
