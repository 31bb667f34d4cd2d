package shim

import (
	"errors"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// pipes are a process's standard streams: the ends of the process and those of the shim. With a
// terminal there is only the master, which the engine returns with the process.
type pipes struct {
	child                 engine.Stdio
	stdin, stdout, stderr *os.File
	master                *os.File
	closeStdin            sync.Once
}

func openPipes(terminal, stdin bool) (*pipes, error) {
	p := &pipes{}
	if terminal {
		return p, nil
	}
	err := errors.Join(
		p.openStdin(stdin),
		pipe(&p.stdout, &p.child.Stdout),
		pipe(&p.stderr, &p.child.Stderr),
	)
	if err != nil {
		p.closeChild()
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pipes) openStdin(keep bool) (err error) {
	if keep {
		return pipe(&p.child.Stdin, &p.stdin)
	}
	p.child.Stdin, err = os.Open(os.DevNull)
	return err
}

func pipe(r, w **os.File) (err error) {
	*r, *w, err = os.Pipe()
	return err
}

// closeChild closes the ends that the process has inherited.
func (p *pipes) closeChild() {
	closeAll(p.child.Stdin, p.child.Stdout, p.child.Stderr)
	p.child = engine.Stdio{}
}

// close closes the shim's ends.
func (p *pipes) close() error {
	p.closeInput()
	return closeAll(p.stdout, p.stderr, p.master)
}

func (p *pipes) closeInput() {
	p.closeStdin.Do(func() { _ = closeAll(p.stdin) })
}

// stop makes pending reads return.
func (p *pipes) stop() {
	for _, r := range p.outputs() {
		_ = r.SetReadDeadline(time.Now())
	}
}

// outputs iterates over the shim's readable ends by stream. A terminal has one.
func (p *pipes) outputs() iter.Seq2[byte, *os.File] {
	return func(yield func(byte, *os.File) bool) {
		if p.master != nil {
			yield(wire.Stdout, p.master)
			return
		}
		_ = yield(wire.Stdout, p.stdout) && yield(wire.Stderr, p.stderr)
	}
}

// input returns the destination of a client's chunks; with stdin, that client may write to stdin.
func (p *pipes) input(stdin bool) input {
	in := input{left: func() {}}
	if p.master != nil {
		in.resize = func(size wire.Size) { _ = setSize(p.master, size) }
	}
	switch {
	case !stdin:
	case p.master != nil:
		in.stdin = p.master
		// D, the terminal's end-of-file character
		in.close = func() { _, _ = p.master.Write([]byte{4}) }
	case p.stdin != nil:
		in.stdin, in.close = p.stdin, p.closeInput
	}
	return in
}

func closeAll(files ...*os.File) error {
	var errs []error
	for _, f := range files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
