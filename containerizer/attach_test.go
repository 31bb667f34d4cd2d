package containerizer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// echo launches a container that prints what it reads, until it reads "end".
func (a *agent) echo(id mctr.ContainerID, o containerizer.LaunchOptions) *launcher.Stream {
	a.t.Helper()
	config := a.config("sh", "-c", "while read line; do echo got $line; [ $line = end ] && exit 5; done; exit 6")
	config.Process.Stdin = true
	stream, err := a.Launch(a.t.Context(), id, config, o)
	if err != nil {
		a.t.Fatal(err)
	}
	return stream
}

// TestOneWriter wants a second client that writes refused, any number that watch
// served, and the input free again when the first has gone.
func TestOneWriter(t *testing.T) {
	a := newAgent(t)
	a.echo("job", containerizer.LaunchOptions{})
	writer := &wire.Attach{Stdin: true}
	first, err := a.Attach(t.Context(), "job", *writer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Attach(t.Context(), "job", *writer); !errors.Is(err, mctr.ErrState) {
		t.Errorf("a second writer: %v, want ErrState", err)
	}
	watcher, err := a.Attach(t.Context(), "job", wire.Attach{Output: true})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	_ = first.Close()
	var second *launcher.Stream
	a.eventually("the input is free", func() bool {
		second, err = a.Attach(t.Context(), "job", *writer)
		return err == nil
	})
	defer second.Close()
	if _, err := io.WriteString(second, "end\n"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if end, err := watcher.Copy(t.Context(), &out, io.Discard, nil); err != nil || end.ExitCode != 5 ||
		out.String() != "got end\n" {
		t.Errorf("%q, %+v, %v", out.String(), end, err)
	}
	a.remove("job")
}

// TestRelay has a stream used by way of another connection.
func TestRelay(t *testing.T) {
	a := newAgent(t)
	stream := a.echo("job", containerizer.LaunchOptions{Attach: &wire.Attach{Stdin: true, Output: true, Primary: true}})
	near, far := net.Pipe()
	relayed := make(chan struct{})
	go func() { stream.Relay(far); close(relayed) }()
	remote := launcher.NewStream(near)
	if _, err := io.WriteString(remote, "one\n"); err != nil {
		t.Fatal(err)
	}
	if err := remote.CloseStdin(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if end, err := remote.Copy(ctx, &out, io.Discard, nil); err != nil || end.ExitCode != 6 ||
		out.String() != "got one\n" {
		t.Errorf("%q, %+v, %v", out.String(), end, err)
	}
	_ = remote.Close()
	<-relayed
	a.remove("job")
}
