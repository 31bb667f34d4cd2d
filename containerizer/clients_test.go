package containerizer_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
)

// shimFiles counts the descriptors of the container's shim.
func (a *agent) shimFiles(id mctr.ContainerID) int {
	a.t.Helper()
	s, err := a.Status(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.ShimPid))
	if err != nil {
		a.t.Fatal(err)
	}
	return len(entries)
}

// TestWaitersLeave wants nothing kept for clients that waited for a while and went.
func TestWaitersLeave(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	before := a.shimFiles("job")
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, _ = a.Wait(ctx, "job")
		_ = a.Logs(ctx, "job", logs.ReadOptions{Follow: true}, func(logs.Entry) error { return nil })
		cancel()
	}
	a.eventually("they are forgotten", func() bool { return a.shimFiles("job") <= before })
	a.remove("job")
}

// deafTo runs a process that does not read, beside what of its input is under way, and
// gives its stream.
func (a *agent) deafTo(t *testing.T) *launcher.Stream {
	t.Helper()
	stream, err := a.Exec(t.Context(), "job", containerizer.Exec{Args: []string{"sleep", "100"}, Stdin: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stream.Close() })
	go func() { _, _ = stream.Write(make([]byte, 4*wire.Window)) }()
	return stream
}

// TestSignalPastInput wants a signal to reach a process that does not read its input.
func TestSignalPastInput(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	stream := a.deafTo(t)
	time.AfterFunc(200*time.Millisecond, func() { _ = stream.Signal(unix.SIGTERM) })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if end, err := stream.Copy(ctx, io.Discard, io.Discard, nil); err != nil || end.Signal != int(unix.SIGTERM) {
		t.Errorf("ended by %+v, %v", end, err)
	}
	a.remove("job")
}

// TestHangUpPastInput wants a client's end noticed where its process does not read:
// an exec'd one dies with it, and a container's input is free again.
func TestHangUpPastInput(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.Process.Stdin = true
	a.launchConfig("job", config)
	before := a.shimFiles("job")
	exec := a.deafTo(t)
	attached, err := a.Attach(t.Context(), "job", wire.Attach{Stdin: true})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = attached.Write(make([]byte, 4*wire.Window)) }()
	time.Sleep(200 * time.Millisecond) // both are stuck
	_, _ = exec.Close(), attached.Close()
	a.eventually("they are forgotten", func() bool { return a.shimFiles("job") <= before })
	pids, err := a.Pids("job")
	if err != nil || len(pids) != 1 {
		t.Errorf("it runs %v, %v", pids, err)
	}
	a.eventually("the input is free", func() bool {
		next, err := a.Attach(t.Context(), "job", wire.Attach{Stdin: true})
		if err == nil {
			_ = next.Close()
		}
		return err == nil
	})
	a.remove("job")
}

// TestInputBeforeHangUp wants what a client sent right before it went to arrive whole,
// and in order, however slowly it is read.
func TestInputBeforeHangUp(t *testing.T) {
	a := newAgent(t)
	config := a.config("sh", "-c", "sleep 0.2; head -c 200000 | md5sum; exec sleep 100")
	config.Process.Stdin = true
	a.launchConfig("job", config)
	data := []byte(strings.Repeat("0123456789abcdef\n", 200000/17+1))[:200000]
	stream, err := a.Attach(t.Context(), "job", wire.Attach{Stdin: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write(data); err != nil {
		t.Fatal(err)
	}
	_ = stream.Close()
	a.until("job", fmt.Sprintf("%x", md5.Sum(data)))
	a.remove("job")
}

// TestVerbsOutOfTurn sends a running container's shim what only its launcher may ask
// for, before the start, and what only follows the end. Each is refused, and the
// container outlives the clients that asked.
func TestVerbsOutOfTurn(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	dir := filepath.Join(a.state, "containers", "job")
	create := &wire.Create{ID: "other", Bundle: t.TempDir(), EngineRoot: t.TempDir(),
		Created: filepath.Join(t.TempDir(), "created")}
	for name, ask := range map[string]func(*launcher.Client) error{
		"enter":  func(c *launcher.Client) error { return c.Enter(t.Context(), &wire.Scope{Group: "/"}) },
		"create": func(c *launcher.Client) error { _, err := c.Create(t.Context(), create); return err },
		"start":  func(c *launcher.Client) error { _, err := c.Start(t.Context()); return err },
		"clean":  func(c *launcher.Client) error { return c.Clean(t.Context()) },
	} {
		client, err := launcher.Dial(t.Context(), dir)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := ask(client); !errors.Is(err, mctr.ErrExists) && !errors.Is(err, mctr.ErrState) {
			t.Errorf("%s of a running container: %v", name, err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(200 * time.Millisecond) // a lease that ended would have taken effect
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if s.Phase != mctr.Running {
		t.Errorf("the container is %s", s.Phase)
	}
	a.remove("job")
}
