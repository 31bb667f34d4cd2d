package session

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A Terminal is the terminal of the user. Its raw mode must end before this process does. The methods
// of a nil Terminal do nothing.
type Terminal struct {
	fd    int
	mu    sync.Mutex
	state *term.State // state to restore; nil: not in raw mode
}

// OpenTerminal returns the terminal that a standard stream is connected to, or nil if none is.
func OpenTerminal() *Terminal {
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if format.IsTerminal(f) {
			return &Terminal{fd: int(f.Fd())}
		}
	}
	return nil
}

// raw sets the terminal to raw mode, so that all keys go to the container.
func (t *Terminal) raw() (err error) {
	if t == nil || !format.IsTerminal(os.Stdin) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state, err = term.MakeRaw(t.fd); err != nil {
		return fmt.Errorf("set the terminal to raw mode: %w", err)
	}
	format.Stderr.Raw.Store(format.IsTerminal(os.Stderr))
	return nil
}

func (t *Terminal) restore() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != nil {
		_ = term.Restore(t.fd, t.state)
		t.state = nil
		format.Stderr.Raw.Store(false)
	}
}

// Size returns the size of the terminal, or false if there is no terminal.
func (t *Terminal) Size() (wire.Size, bool) {
	if t == nil {
		return wire.Size{}, false
	}
	width, height, err := term.GetSize(t.fd)
	return wire.Size{Width: uint16(width), Height: uint16(height)}, err == nil && width > 0
}

// A detachReader calls detach when the detach keys are typed. It passes on an incomplete sequence.
type detachReader struct {
	r      io.Reader
	keys   []byte
	seen   int
	detach func()
}

func (d *detachReader) Read(p []byte) (int, error) {
	if len(d.keys) == 0 || len(p) < len(d.keys)+1 {
		return d.r.Read(p)
	}
	typed := make([]byte, len(p)-len(d.keys))
	n, err := d.r.Read(typed)
	out := 0
	for _, key := range typed[:n] {
		if key != d.keys[d.seen] { // the key may begin the sequence again
			out += copy(p[out:], d.keys[:d.seen])
			d.seen = 0
		}
		if key != d.keys[d.seen] {
			p[out] = key
			out++
			continue
		}
		if d.seen++; d.seen == len(d.keys) {
			d.detach()
			return out, io.ErrClosedPipe
		}
	}
	return out, err
}

// ParseDetachKeys reads a comma-separated sequence of keys, as docker does. A key is a character, or
// ctrl- and one of a-z @ [ \ ] ^ _. "" is the empty sequence.
func ParseDetachKeys(s string) (keys []byte, err error) {
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		name, ctrl := strings.CutPrefix(part, "ctrl-")
		if len(name) != 1 || ctrl && !strings.Contains(controllable, name) {
			return nil, fmt.Errorf("%w: --detach-keys %s: %q is neither a character nor ctrl- and one of %s",
				mctr.ErrInvalid, s, part, controllable)
		}
		key := name[0]
		if ctrl {
			key &= 0x1f // ascii(7)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

const controllable = `abcdefghijklmnopqrstuvwxyz@[\]^_`

// DefaultDetachKeys are the default of docker.
const DefaultDetachKeys = "ctrl-p,ctrl-q"
