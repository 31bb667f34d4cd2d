package containerizer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// copied is what CopyFrom gives, as text.
func (a *agent) copied(id mctr.ContainerID, path string) (string, error) {
	a.t.Helper()
	var b bytes.Buffer
	err := a.CopyFrom(context.Background(), id, path, &b, containerizer.CopyOptions{})
	return b.String(), err
}

func TestCopy(t *testing.T) {
	a := newAgent(t)
	ctx := context.Background()
	if err := a.Create(ctx, "job", a.config("sleep", "100"), nil); err != nil {
		t.Fatal(err)
	}
	stream := imagetest.Tar(t, imagetest.Dir("d", 0o755), imagetest.File("d/f", "marked").With(imagetest.Owner(5, 6)),
		imagetest.Symlink("d/l", "f"))
	for phase := range a.phases("job") {
		if text, err := a.copied("job", "/tmp/d/f"); phase != "created" &&
			(err != nil || !strings.Contains(text, "marked")) {
			t.Errorf("%s: what was copied before: %v", phase, err)
		}
		if err := a.CopyTo(ctx, "job", "/tmp", bytes.NewReader(imagetest.Gzip(t, stream)),
			containerizer.CopyOptions{Archive: true}); err != nil {
			t.Fatalf("%s: %v", phase, err)
		}
		s, err := a.StatPath(ctx, "job", "tmp/d/l", containerizer.CopyOptions{})
		if err != nil || s.Mode()&fs.ModeSymlink == 0 || s.LinkTarget != "f" {
			t.Errorf("%s: %+v, %v", phase, s, err)
		}
		if s, err := a.StatPath(ctx, "job", "tmp/d/l", containerizer.CopyOptions{FollowLink: true}); err != nil ||
			s.Size() != 6 {
			t.Errorf("%s: %+v, %v", phase, s, err)
		}
		if _, err := a.copied("job", "/nosuch"); !errors.Is(err, mctr.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", phase, err)
		}
		if err := a.CopyTo(ctx, "job", "/tmp/d/f", bytes.NewReader(stream),
			containerizer.CopyOptions{}); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: to a file: %v", phase, err)
		}
		if u, err := a.DiskUsage(ctx, "job"); err != nil || u.Written == 0 || u.Total() < u.Written {
			t.Errorf("%s: %+v, %v", phase, u, err)
		}
	}
	if _, err := a.copied("nobody", "/"); !errors.Is(err, mctr.ErrNotFound) {
		t.Error(err)
	}
	a.remove("job")
}

// TestCopyTogether copies by many at once, to containers that end and start
// meanwhile: each copy is whole or says why not, and nothing waits for ever.
func TestCopyTogether(t *testing.T) {
	a := newAgent(t)
	ctx, cancel := context.WithCancel(context.Background())
	if err := a.Create(ctx, "job", a.config("sleep", "0.05"), nil); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	good := make([]int, 4)
	for i := range good {
		all.Go(func() {
			for ctx.Err() == nil {
				var err error
				if i%2 == 0 {
					err = a.CopyFrom(ctx, "job", "/etc", io.Discard, containerizer.CopyOptions{})
				} else {
					err = a.CopyTo(ctx, "job", "/tmp", bytes.NewReader(imagetest.Tar(t, imagetest.File("f", "x"))),
						containerizer.CopyOptions{})
				}
				switch {
				case err == nil:
					good[i]++
				case !errors.Is(err, mctr.ErrState) && !errors.Is(err, context.Canceled) &&
					!errors.Is(err, fs.ErrNotExist):
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		if _, err := a.Start(ctx, "job", containerizer.LaunchOptions{Detach: true}); err != nil {
			t.Error(err)
		}
		if _, err := a.Wait(ctx, "job"); err != nil {
			t.Error(err)
		}
	}
	cancel()
	all.Wait()
	for i, n := range good {
		if n < 3 {
			t.Errorf("copier %d did it %d times only", i, n)
		}
	}
	a.remove("job")
}

// TestCopyOfTheHosts: a container on the host's filesystem has it while it runs.
func TestCopyOfTheHosts(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.Image = ""
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.copied("job", "/etc/hostname"); err != nil {
		t.Error(err)
	}
	if _, err := a.Destroy(context.Background(), "job"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.copied("job", "/etc/hostname"); !errors.Is(err, mctr.ErrUnsupported) {
		t.Error(err)
	}
	a.remove("job")
}

// TestCopyVolumes wants a container's volumes to be there before it runs, while it
// does and afterwards, with the same content, and to be written alike.
func TestCopyVolumes(t *testing.T) {
	a := newAgent(t)
	host := t.TempDir()
	for name, text := range map[string]string{"rw/f": "in rw", "ro/f": "in ro", "file": "a file"} {
		path := filepath.Join(host, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	config := a.config("sleep", "100")
	config.ReadOnly = true
	config.Volumes = []mctr.Volume{
		{Type: "bind", Source: host + "/rw", Target: "/vol/"},
		{Type: "bind", Source: host + "/ro", Target: "/vol/below", ReadOnly: true},
		{Type: "bind", Source: host + "/file", Target: "/etc/mounted"},
		{Type: "tmpfs", Target: "/scratch"},
		{Type: "bind", Source: host + "/rw", Target: "/scratch/in"},
	}
	if err := a.Create(t.Context(), "job", config, nil); err != nil {
		t.Fatal(err)
	}
	for phase := range a.phases("job") {
		for path, want := range map[string]string{"/vol/f": "in rw", "/vol/below/f": "in ro", "/etc/mounted": "a file",
			"/scratch/in/f": "in rw", "/vol": "in ro"} {
			if text, err := a.copied("job", path); err != nil || !strings.Contains(text, want) {
				t.Errorf("%s: %s: %v", phase, path, err)
			}
		}
		for dir, want := range map[string]error{"/vol": nil, "/vol/below": mctr.ErrState, "/tmp": mctr.ErrState,
			"/scratch/in": nil} {
			file := imagetest.Tar(t, imagetest.File(phase, phase))
			if err := a.CopyTo(t.Context(), "job", dir, bytes.NewReader(file),
				containerizer.CopyOptions{}); !errors.Is(err, want) {
				t.Errorf("%s: to %s: %v", phase, dir, err)
			}
		}
		if text, err := os.ReadFile(host + "/rw/" + phase); err != nil || string(text) != phase {
			t.Errorf("%s: on the host: %q, %v", phase, text, err)
		}
		if _, err := a.copied("job", "/scratch"); (phase == "running") != (err == nil) {
			t.Errorf("%s: a tmpfs: %v", phase, err)
		}
	}
	a.remove("job")
}

// phases are those of a container that was created, each begun when it is asked for.
func (a *agent) phases(id mctr.ContainerID) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, phase := range []string{"created", "running", "ended"} {
			var err error
			switch phase {
			case "running":
				_, err = a.Start(a.t.Context(), id, containerizer.LaunchOptions{Detach: true})
			case "ended":
				_, err = a.Destroy(a.t.Context(), id)
			}
			if err != nil {
				a.t.Fatal(phase, err)
			}
			if !yield(phase) {
				return
			}
		}
	}
}

// TestCopySandboxVolume: a directory of the sandbox, which the task can make a
// link out of it, leads nowhere else; and so does the sandbox.
func TestCopySandboxVolume(t *testing.T) {
	a := newAgent(t)
	config := a.config("sh", "-c", "echo text >/data/f; echo more >$MESOS_SANDBOX/g")
	config.Volumes = []mctr.Volume{{Type: "sandbox", Source: "data", Target: "/data"}}
	a.launchConfig("job", config)
	if _, err := a.Wait(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/data/f": "text", "/mnt/mesos/sandbox/data/f": "text",
		"/mnt/mesos/sandbox/g": "more"} {
		if text, err := a.copied("job", path); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	data := filepath.Join(a.root, "containers/job/sandbox/data")
	if err := errors.Join(os.Mkdir(secret, 0o755), os.WriteFile(secret+"/f", []byte("secret"), 0o644),
		os.RemoveAll(data)); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{secret, "../../../../../../../../../../.." + secret} {
		if err := os.Symlink(link, data); err != nil {
			t.Fatal(err)
		}
		if text, err := a.copied("job", "/data/f"); !errors.Is(err, mctr.ErrState) || strings.Contains(text, "secret") {
			t.Errorf("by a link to %s: %v", link, err)
		}
		if err := os.Remove(data); err != nil {
			t.Fatal(err)
		}
	}
	a.remove("job")
}

// TestCopyPastBadVolume: a volume whose source is gone, or cannot be looked at, is
// refused by name, and the rest can be copied.
func TestCopyPastBadVolume(t *testing.T) {
	a := newAgent(t)
	config := a.config("true")
	config.Volumes = []mctr.Volume{{Type: "bind", Source: filepath.Join(t.TempDir(), "gone"), Target: "/gone"}}
	if err := a.Create(t.Context(), "job", config, nil); err != nil {
		t.Fatal(err)
	}
	for why, more := range map[string][]containerizer.Option{"no such file": nil,
		"helper failed": {containerizer.WithIsolators(builtin.Table(builtin.Deps{
			Root: a.root, State: a.state, Helper: "/bin/false", Networks: withoutPlugins(a.root, a.state),
		}))}} {
		c, err := a.tryOpen(more...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CopyFrom(t.Context(), "job", "/gone/x", io.Discard,
			containerizer.CopyOptions{}); !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
		if err := c.CopyFrom(t.Context(), "job", "/etc/passwd", io.Discard, containerizer.CopyOptions{}); err != nil {
			t.Error(err)
		}
	}
	a.remove("job")
}
