package agent_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/agenttest"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/client"
	"github.com/mctr/mctr/agent/server"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	openhost "github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/testns"
	"github.com/mctr/mctr/internal/testprogram"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

func TestMain(m *testing.M) { testns.Main(m) }

// A host is a containerizer with its own directories.
type host struct {
	dir, root, state, image string
	containers              *containerizer.Containerizer
	images                  *provisioner.Provisioner
	networks                *cni.Networks
	volumes                 *containerizer.Volumes
}

func newHost(t *testing.T) *host {
	t.Helper()
	dir, err := os.MkdirTemp("", "mctr-contract") // short, because it has sockets
	if err != nil {
		t.Fatal(err)
	}
	h := &host{dir: dir, root: filepath.Join(dir, "root"), state: filepath.Join(dir, "state"),
		image: imagetest.Busybox(t, dir)}
	top := store.At("", h.state).CgroupPrefix()
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{top, dir + "/"},
		Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Cgroup, leakcheck.Process}})
	t.Cleanup(func() {
		leaks.Check()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	opened, err := openhost.Open(openhost.Config{Root: h.root, State: h.state, Owner: "test",
		Shim: testprogram.Find(t, "mctr-shim"), Helper: testprogram.Find(t, "mctr-helper"),
		CNIConfigDirs: []string{filepath.Join(dir, "net.d")},
		CNIPluginDirs: []string{filepath.Join(filepath.Dir(testprogram.Find(t, "mctr-shim")), "cni")}})
	if err != nil {
		t.Fatal(err)
	}
	if h.images, err = opened.Images(); err != nil {
		t.Fatal(err)
	}
	h.networks, h.volumes = opened.Networks(), opened.Volumes()
	if h.containers, err = opened.Containers(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.tearDown(t, top) })
	return h
}

// tearDown checks that nothing of any container is left.
func (h *host) tearDown(t *testing.T, top string) {
	if err := h.containers.Close(); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{h.root + "/containers", h.root + "/names", h.root + "/images/leases",
		h.state + "/containers"} {
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			t.Errorf("%s holds %v", dir, entries)
		}
	}
	for _, group := range []string{top, top + "-shims"} {
		if err := errors.Join(cgroup.Kill(group, 5*time.Second), cgroup.Remove(group)); err != nil {
			t.Error(err)
		}
	}
	_ = unix.Unmount(h.state, unix.MNT_DETACH)
}

func (h *host) local() *agent.Local {
	return agent.NewLocal(h.containers, h.images, h.networks, h.volumes,
		agent.LocalHost{Root: h.root, State: h.state, PluginDirs: h.networks.PluginDirs(), Version: "test"})
}

// TestLocal runs the contract with the library.
func TestLocal(t *testing.T) {
	h := newHost(t)
	agenttest.Run(t, faulty(h.local()), h.image)
}

// TestClient runs the contract with a client of an agent.
func TestClient(t *testing.T) {
	h := newHost(t)
	c, end := h.serve(t)
	defer end()
	agenttest.Run(t, c, h.image)
}

// serve serves the host on a unix socket, and returns a client of it.
func (h *host) serve(t *testing.T) (c *client.Client, end func()) {
	t.Helper()
	s := server.New(server.Options{
		Local: h.local(), Owner: "test", Version: api.VersionInfo{Version: "test"}, Log: slog.DiscardHandler,
	})
	socket := filepath.Join(h.dir, "agent.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = client.New(client.Options{Address: "unix://" + socket}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := &http.Server{Handler: s.Handler(), ConnContext: server.WithConnection,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan error, 1)
	go func() { done <- served.Serve(listener) }()
	return c, func() {
		cancel()
		if err := errors.Join(c.Close(), served.Close()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}

// TestAgentEnds checks that waiting calls fail when their agent stops, and that containers keep running.
func TestAgentEnds(t *testing.T) {
	h := newHost(t)
	c, end := h.serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	config := &mctr.ContainerConfig{Image: h.image, Process: mctr.Process{Args: []string{"sleep", "1000"}}}
	if _, err := c.Launch(ctx, "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := c.Wait(ctx, "job")
		failed <- err
	}()
	stream, err := c.Attach(ctx, "job", wire.Attach{Output: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	end()
	if err := <-failed; !errors.Is(err, mctr.ErrUnavailable) {
		t.Errorf("wait: %v", err)
	}
	if how, err := stream.Copy(ctx, io.Discard, io.Discard, nil); err == nil {
		t.Errorf("the stream ended well: %+v", how)
	}
	if _, err := c.Status(ctx, "job"); !errors.Is(err, mctr.ErrUnavailable) {
		t.Errorf("status: %v", err)
	}
	if status, err := h.containers.Status(ctx, "job"); err != nil || status.Phase != mctr.Running {
		t.Errorf("%+v, %v", status, err)
	}
	if err := h.containers.Remove(ctx, "job", true); err != nil {
		t.Error(err)
	}
}
