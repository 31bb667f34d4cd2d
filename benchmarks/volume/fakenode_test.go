package volume

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// An event is a moment at which a fault may hit the files of a volume.
type event string

const (
	starts     event = "a container starts"
	restarts   event = "a container starts again"
	killed     event = "a container is killed"
	agentEnds  event = "an agent is killed"
	boots      event = "a node boots"
	takenOver  event = "a node takes over"
	expanded   event = "a volume is expanded"
	isFull     event = "a volume is full"
	noticeable event = "work is done" // the fault changes the answer
)

// A fault is what is wrong with a volume.
type fault struct {
	at     event
	files  func(dir string) error            // what happens to the files; nil: nothing
	answer func(w work.Work, a *work.Answer) // what happens to an answer; nil: nothing
	expand func(size int64) (int64, error)   // nil: Expand works
	fails  error                             // of the operation at the event
}

// A fakeNode is a node whose volumes are directories, and whose containers are goroutines. The storage
// of the driver "fake" is shared by the nodes.
type fakeNode struct {
	agent.Volumes // panics, except for what is implemented here
	dir           string
	size          int64 // of its volume; 0: no limit
	fault         fault
	down          bool
	foreign       bool // another node than the one the volume was made on
	made          bool // foreign: the volume was made known here
}

func (f *fakeNode) volumes() agent.Volumes { return f }

func (f *fakeNode) strike(at event) error {
	if f.fault.at != at {
		return nil
	}
	if f.fault.files != nil {
		if err := f.fault.files(f.dir); err != nil {
			return err
		}
	}
	return f.fault.fails
}

func (f *fakeNode) Create(context.Context, mctr.NamedVolume) (*mctr.NamedVolume, error) {
	f.made = true
	return &mctr.NamedVolume{}, f.strike(takenOver)
}

func (f *fakeNode) Expand(_ context.Context, name string, size int64) (*mctr.NamedVolume, error) {
	if f.fault.expand != nil {
		claimed, err := f.fault.expand(size)
		return &mctr.NamedVolume{Name: name, Driver: "fake", Size: claimed}, err
	}
	f.size = size
	return &mctr.NamedVolume{Name: name, Driver: "fake", Size: size}, f.strike(expanded)
}

func (f *fakeNode) start(ctx context.Context, _ mctr.Volume, w work.Work) (container, error) {
	if f.down || f.foreign && !f.made {
		return nil, errors.New("the node is down, or lacks the volume")
	}
	c := &fakeContainer{node: f, work: w}
	err := f.strike(starts)
	if err == nil {
		c.run(ctx)
	}
	return c, err
}

func (f *fakeNode) orphan(ctx context.Context, v mctr.Volume, w work.Work) (*work.Answer, error) {
	c, err := f.start(ctx, v, w)
	if err != nil {
		return nil, err
	}
	a, err := c.answer(ctx)
	return a, errors.Join(err, c.remove(ctx), f.strike(agentEnds))
}

func (f *fakeNode) crash(context.Context) error {
	f.down = true
	return nil
}

func (f *fakeNode) boot(context.Context) error {
	f.down = false
	return f.strike(boots)
}

func (f *fakeNode) other(context.Context) (node, error) {
	return &fakeNode{dir: f.dir, size: f.size, fault: f.fault, foreign: true}, nil
}

func (f *fakeNode) close(context.Context) error { return nil }

// A fakeContainer runs its work in this process.
type fakeContainer struct {
	node    *fakeNode
	work    work.Work
	answers *json.Decoder
	stop    context.CancelFunc
	ended   chan struct{}
}

func (c *fakeContainer) run(ctx context.Context) {
	ctx, c.stop = context.WithCancel(ctx)
	out, in := io.Pipe()
	c.answers, c.ended = json.NewDecoder(out), make(chan struct{})
	w := c.work
	w.Dir = c.node.dir
	if w.Verb == work.Fill {
		w.Verb = work.Keep // the answer pretends that it filled the volume
	}
	go func() {
		defer close(c.ended)
		_ = in.CloseWithError(w.Do(ctx, in))
	}()
}

func (c *fakeContainer) answer(context.Context) (*work.Answer, error) {
	a := &work.Answer{}
	if err := c.answers.Decode(a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	if c.work.Verb == work.Fill {
		a.Bytes = min(c.node.size, c.work.Most)
		a.Full = "ENOSPC"
		if err := c.node.strike(isFull); err != nil {
			return nil, err
		}
	}
	if f := c.node.fault; f.at == noticeable {
		f.answer(c.work, a)
	}
	return a, nil
}

func (c *fakeContainer) again(ctx context.Context) error {
	<-c.ended
	c.stop()
	if err := c.node.strike(restarts); err != nil {
		return err
	}
	c.run(ctx)
	return nil
}

func (c *fakeContainer) kill(context.Context) error {
	c.stop()
	<-c.ended
	return c.node.strike(killed)
}

func (c *fakeContainer) remove(context.Context) error {
	c.stop()
	<-c.ended
	return nil
}

// alter changes one bit of the data.
func alter(dir string) error {
	path := filepath.Join(dir, "data")
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[len(content)/2] ^= 1
	return os.WriteFile(path, content, 0o600)
}

// lose removes the data.
func lose(dir string) error { return os.Remove(filepath.Join(dir, "data")) }

// cut loses the last page of the data.
func cut(dir string) error {
	path := filepath.Join(dir, "data")
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()-4096)
}
