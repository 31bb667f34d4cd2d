package secret_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/secret"
)

// TestMain makes this binary act as the helper if it is started without an environment.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 {
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(m.Run())
}

const canary = "canary-4711"

func newIn(state string) isolators.Isolator {
	return secret.New(state, &helper.Runner{Helper: "/proc/self/exe"})
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func volumes(list ...mctr.Volume) mctr.ContainerConfig {
	for n := range list {
		list[n].Type, list[n].Target = mctr.VolumeSecret, "/run/secrets/"+string(rune('a'+n))
	}
	return mctr.ContainerConfig{Image: "test", Volumes: list}
}

func variables(list ...mctr.SecretVariable) mctr.ContainerConfig {
	return mctr.ContainerConfig{Image: "test", Process: mctr.Process{SecretEnv: list}}
}

func TestConformance(t *testing.T) {
	state := t.TempDir()
	config := volumes(mctr.Volume{Source: "file:" + file(t, canary)})
	config.Process.SecretEnv = []mctr.SecretVariable{{Name: "A", Source: "file:" + file(t, canary)}}
	isolatortest.Run(t, func() isolators.Isolator { return newIn(state) }, &config)
}

// TestCompleteOfValues: what is recorded has no value, and is what it was after a second Complete.
func TestCompleteOfValues(t *testing.T) {
	given := volumes(mctr.Volume{Value: mctr.SecretValue(canary)})
	given.Process.SecretEnv = []mctr.SecretVariable{{Name: "A", Source: "value", Value: mctr.SecretValue(canary)}}
	config := given
	for range 2 {
		if _, err := newIn(t.TempDir()).(isolators.Completer).Complete(t.Context(), "box", &config); err != nil {
			t.Fatal(err)
		}
		const want = `{"process":{"secret_env":[{"name":"A","source":"value"}]},"volumes":[{"type":"secret",` +
			`"source":"value","target":"/run/secrets/a","read_only":true}]}`
		got := isolatortest.JSON(t, struct {
			Process mctr.Process  `json:"process"`
			Volumes []mctr.Volume `json:"volumes"`
		}{config.Process, config.Volumes})
		if got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
	if given.Volumes[0].Value == nil || given.Process.SecretEnv[0].Value == nil {
		t.Error("the caller's config was changed")
	}
	isolatortest.Accepts(t, newIn(t.TempDir()), given, config)
}

func TestRefusals(t *testing.T) {
	value := mctr.SecretValue(canary)
	large := mctr.SecretValue(strings.Repeat("x", mctr.MaxSecret+1))
	withEnv := variables(mctr.SecretVariable{Name: "A", Value: value})
	withEnv.Process.Env = []string{"A=1"}
	withRuntime := variables(mctr.SecretVariable{Name: "A", Value: value})
	withRuntime.Runtime = "/usr/bin/crun"
	refusals := []isolatortest.Refusal{
		{Config: volumes(mctr.Volume{}),
			Field: "volumes.source of the secret for /run/secrets/a: want file:/PATH, or a value"},
		{Config: volumes(mctr.Volume{Source: "env:HOME"}), Field: "want file:/PATH"},
		{Config: volumes(mctr.Volume{Source: "file:x"}), Field: "want an absolute path after file:"},
		{Config: volumes(mctr.Volume{Source: "file:/x", Value: value}), Field: "both a file and a value"},
		{Config: volumes(mctr.Volume{Value: mctr.SecretValue{}}), Field: "the value is empty"},
		{Config: volumes(mctr.Volume{Value: large}), Field: "the value is larger than 524288 bytes"},
		{Config: volumes(mctr.Volume{Value: value, Mode: "0999"}), Field: `volumes.mode "0999"`},
		{Config: volumes(mctr.Volume{Value: value, Mode: "4755"}), Field: `volumes.mode "4755"`},
		{Config: volumes(mctr.Volume{Value: value, Options: []string{"rw"}}), Field: "volumes.options"},
		{Config: variables(mctr.SecretVariable{Name: "A"}), Field: "process.secret_env for A: want file:/PATH"},
		{Config: variables(mctr.SecretVariable{Name: "A=", Value: value}), Field: `name "A="`},
		{Config: variables(mctr.SecretVariable{Name: "A", Value: mctr.SecretValue("a\x00")}), Field: "without NUL"},
		{Config: variables(mctr.SecretVariable{Name: "A", Value: mctr.SecretValue("a\xff")}), Field: "must be UTF-8"},
		{Config: variables(mctr.SecretVariable{Name: "A", Value: large[:128<<10]}), Field: "at most 131071 bytes"},
		{Config: variables(mctr.SecretVariable{Name: "A", Value: value}, mctr.SecretVariable{Name: "A", Value: value}),
			Field: "process.secret_env: A is also in process.secret_env"},
		{Config: withEnv, Field: "A is also in process.env"},
	}
	for n := range refusals {
		refusals[n].Is = mctr.ErrInvalid
	}
	refusals = append(refusals, isolatortest.Refusal{Config: withRuntime, Is: mctr.ErrUnsupported,
		Field: "process.secret_env with config.runtime crun"})
	isolatortest.Refuses(t, newIn(t.TempDir()), refusals)
	for _, r := range refusals {
		err := newIn(t.TempDir()).Check(t.Context(), &r.Config)
		if strings.Contains(err.Error(), canary) {
			t.Errorf("the error has the value: %v", err)
		}
	}
}

// A box is a container with its isolator.
type box struct {
	t     *testing.T
	state string
	*mctr.Container
	given mctr.ContainerConfig
}

func newBox(t *testing.T, config mctr.ContainerConfig) *box {
	t.Helper()
	b := &box{t: t, state: t.TempDir(), given: config}
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{b.state},
		Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Process, leakcheck.File}})
	if _, err := b.isolator().(isolators.Completer).Complete(t.Context(), "box", &config); err != nil {
		t.Fatal(err)
	}
	b.Container = isolatortest.NewContainer(t, config)
	t.Cleanup(func() {
		b.try(b.isolator().Cleanup(t.Context(), b.Handle), b.remove())
		if entries, err := filepath.Glob(b.state + "/*"); err != nil || !slices.Equal(entries,
			[]string{b.state + "/secrets.lock"}) && len(entries) > 0 {
			t.Errorf("left: %q, %v", entries, err)
		}
		leaks.Check()
	})
	return b
}

// isolator returns a new one, as of another process.
func (b *box) isolator() isolators.Isolator { return newIn(b.state) }

func (b *box) keep() error {
	return b.isolator().(isolators.Keeper).Keep(b.t.Context(), b.Handle, &b.given)
}

func (b *box) remove() error {
	return b.isolator().(isolators.Remover).Remove(b.t.Context(), b.Handle, nil)
}

func (b *box) try(errs ...error) {
	b.t.Helper()
	if err := errors.Join(errs...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) prepare() *mctr.Adjustment {
	b.t.Helper()
	a, err := b.isolator().Prepare(b.t.Context(), b.Container)
	b.try(err)
	return a
}

// TestLife takes a container with values through two runs, each with another process.
func TestLife(t *testing.T) {
	config := volumes(mctr.Volume{Value: mctr.SecretValue(canary)},
		mctr.Volume{Source: "file:" + file(t, "rotated"), Mode: "440", UID: new(uint32(0)), GID: new(uint32(9))})
	config.Process.User = "5:6"
	config.Process.SecretEnv = []mctr.SecretVariable{{Name: "A", Value: mctr.SecretValue(canary)}}
	b := newBox(t, config)
	b.try(b.keep())
	for range 2 {
		a := b.prepare()
		if !slices.Equal(a.SecretEnv, []string{"A=" + canary}) {
			t.Errorf("the environment is %q", a.SecretEnv)
		}
		for n, want := range []struct {
			content        string
			mode, uid, gid uint32
		}{{canary, 0o400, 5, 6}, {"rotated", 0o440, 0, 9}} {
			var st unix.Stat_t
			b.try(unix.Stat(a.Volumes[n].Source, &st))
			content, err := os.ReadFile(a.Volumes[n].Source)
			if err != nil || string(content) != want.content || st.Mode&0o7777 != want.mode || st.Uid != want.uid ||
				st.Gid != want.gid {
				t.Errorf("secret %d: %q, %v, mode %o, owner %d:%d", n, content, err, st.Mode, st.Uid, st.Gid)
			}
		}
		b.try(b.isolator().Cleanup(t.Context(), b.Handle))
		if _, err := os.Lstat(a.Volumes[0].Source); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after Cleanup: %v", err)
		}
	}
}

// TestVault: what holds secrets is a tmpfs of its own, for root alone, and cannot be swapped out.
func TestVault(t *testing.T) {
	b := newBox(t, volumes(mctr.Volume{Value: mctr.SecretValue(canary)}))
	b.try(b.keep())
	info, err := os.Stat(b.state + "/secrets")
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	b.try(err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, " "+b.state+"/secrets ") && strings.Contains(line, "nosuid,nodev,noexec") &&
			strings.Contains(line, " - tmpfs ") && strings.Contains(line, "noswap") {
			return
		}
	}
	t.Errorf("not mounted as wanted: %s", mounts)
}

// TestLost: a value that ended with the boot is missed with a remedy, and nothing is written to the disk.
func TestLost(t *testing.T) {
	b := newBox(t, volumes(mctr.Volume{Value: mctr.SecretValue(canary)}))
	b.try(b.keep(), unix.Unmount(b.state+"/secrets", 0))
	_, err := b.isolator().Prepare(t.Context(), b.Container)
	if !errors.Is(err, mctr.ErrState) ||
		!strings.Contains(err.Error(), "create the container anew, or use file:/PATH") {
		t.Errorf("got %v", err)
	}
}

// TestKeepRefuses a config that was copied from a record, without its value.
func TestKeepRefuses(t *testing.T) {
	b := newBox(t, volumes(mctr.Volume{Source: "value"}))
	if err := b.keep(); !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "the value is missing") {
		t.Errorf("got %v", err)
	}
}

// TestFiles: a file is read at each start, and one that is not a file is refused with its path.
func TestFiles(t *testing.T) {
	path := file(t, "old")
	b := newBox(t, variables(mctr.SecretVariable{Name: "A", Source: "file:" + path}))
	for _, content := range []string{"old", "new"} {
		b.try(os.WriteFile(path, []byte(content), 0o600))
		if a := b.prepare(); a.SecretEnv[0] != "A="+content {
			t.Errorf("it is %q, want %s", a.SecretEnv, content)
		}
	}
	for content, want := range map[string]string{"": "the value is empty", "\xff": "must be UTF-8",
		strings.Repeat("x", mctr.MaxSecret+1): "it is larger than 524288 bytes"} {
		b.try(os.WriteFile(path, []byte(content), 0o600))
		if _, err := b.isolator().Prepare(t.Context(), b.Container); !errors.Is(err, mctr.ErrInvalid) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	b.try(os.Remove(path), os.Mkdir(path, 0o755))
	if _, err := b.isolator().Prepare(t.Context(), b.Container); !errors.Is(err, mctr.ErrInvalid) ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("a directory: %v", err)
	}
}

// TestDryRun makes nothing.
func TestDryRun(t *testing.T) {
	b := newBox(t, volumes(mctr.Volume{Value: mctr.SecretValue(canary)}, mctr.Volume{Source: "file:" + file(t, "x")}))
	b.DryRun = true
	if a := b.prepare(); len(a.Volumes) != 2 {
		t.Errorf("it is %+v", a)
	}
	if entries, err := os.ReadDir(b.state); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestLeftover: the secrets of an unknown container are reported until they are removed.
func TestLeftover(t *testing.T) {
	b := newBox(t, volumes(mctr.Volume{Value: mctr.SecretValue(canary)}))
	b.try(b.keep())
	for _, step := range []struct {
		known []mctr.ContainerState
		want  int
	}{{nil, 1}, {[]mctr.ContainerState{{Handle: b.Handle}}, 0}} {
		found, err := b.isolator().Recover(t.Context(), step.known, nil)
		if err != nil || len(found) != step.want || step.want > 0 && found[0].Owner != b.ID {
			t.Errorf("found %v, %v", found, err)
		}
	}
	b.try(b.remove())
	if found, err := b.isolator().Recover(t.Context(), nil, nil); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
}

// TestKilledBetweenMountAndWrite: an empty vault is removed with the container that it was mounted for.
func TestKilledBetweenMountAndWrite(t *testing.T) {
	b := newBox(t, volumes(mctr.Volume{Value: mctr.SecretValue(canary)}))
	b.try(os.Mkdir(b.state+"/secrets", 0o700), b.remove(), os.Mkdir(b.state+"/secrets", 0o700),
		unix.Mount("tmpfs", b.state+"/secrets", "tmpfs", 0, ""))
}

// TestManyAtOnce: the vault is mounted and unmounted many times while others use it, and no value is lost.
func TestManyAtOnce(t *testing.T) {
	first := newBox(t, volumes(mctr.Volume{Value: mctr.SecretValue(canary)}))
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			b := *first
			c := *first.Container
			c.ID = mctr.ContainerID(string(rune('a' + n)))
			b.Container = &c
			for range 20 {
				if err := b.keep(); err != nil {
					t.Error(err)
				}
				a, err := b.isolator().Prepare(t.Context(), b.Container)
				if err != nil {
					t.Error(err)
				} else if content, err := os.ReadFile(a.Volumes[0].Source); err != nil || string(content) != canary {
					t.Errorf("read %q, %v", content, err)
				}
				if err := errors.Join(b.isolator().Cleanup(t.Context(), b.Handle), b.remove()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
