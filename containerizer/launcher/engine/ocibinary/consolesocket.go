package ocibinary

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/engine/pty"
)

// terminalTimeout bounds the wait for a terminal after the runtime has exited. By then the runtime
// has sent the terminal, or never will.
const terminalTimeout = 5 * time.Second

// A console is the socket on which the master of a terminal arrives.
type console struct {
	path     string // passed to the runtime
	dir      *os.File
	listener *net.UnixListener
}

// listen creates the socket in dir. Its path goes through a descriptor of dir because an address
// holds at most 107 bytes (unix(7)).
func listen(dir string) (*console, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), d.Fd()), "console")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("create the console socket: %w", err)
	}
	return &console{path: path, dir: d, listener: listener}, nil
}

// receive returns the terminal that the runtime sent.
func (c *console) receive() (master *os.File, err error) {
	if err := c.listener.SetDeadline(time.Now().Add(terminalTimeout)); err != nil {
		return nil, err
	}
	conn, err := c.listener.AcceptUnix()
	if err != nil {
		return nil, fmt.Errorf("the runtime sent no terminal: %w", err)
	}
	defer conn.Close()
	socket, err := conn.File() // in blocking mode; the message or the end has arrived
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	return pty.Receive(int(socket.Fd()))
}

func (c *console) close() {
	_ = c.listener.Close()
	_ = c.dir.Close()
}
