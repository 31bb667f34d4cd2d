package ociruntime

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/userns"
	"github.com/opencontainers/cgroups/systemd"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// A creation holds what create and run have in common.
type creation struct {
	start
	bundle             string
	noPivot, noKeyring bool
	keep, noSubreaper  bool
	notify             *notifier
	container          engine.Container // nil until begin has created it
}

func (c *creation) register(f *flag.FlagSet) {
	stringVar(f, &c.bundle, "bundle", "b", "directory of config.json (default: the working directory)")
	f.StringVar(&c.pidFile, "pid-file", "", "file to write init's pid to")
	f.StringVar(&c.consoleSocket, "console-socket", "", "unix socket that receives the terminal's master")
	f.StringVar(&c.pidfdSocket, "pidfd-socket", "", "unix socket that receives a pidfd of init")
	f.IntVar(&c.preserve, "preserve-fds", 0, "pass this many further descriptors, from 3 on")
	f.BoolVar(&c.noPivot, "no-pivot", false, "use chroot instead of pivot_root, for a root in a ramdisk")
	f.BoolVar(&c.noKeyring, "no-new-keyring", false, "keep the caller's session keyring")
}

func (r *runtime) create(args []string) (int, error) {
	c := &creation{start: start{detach: true, init: true}}
	f := newFlags("create")
	c.register(f)
	id, err := parseID(f, args)
	if err != nil {
		return 1, err
	}
	options, err := r.prepare(c, id)
	if err != nil {
		return 1, err
	}
	if _, err := r.begin(c, options); err != nil {
		return 1, errors.Join(err, c.undo())
	}
	return 0, nil
}

// prepare returns the options of the container to create. It changes to the bundle's directory.
func (r *runtime) prepare(c *creation, id string) (*engine.Options, error) {
	if err := c.makePathsAbsolute(); err != nil {
		return nil, err
	}
	if c.bundle != "" {
		if err := os.Chdir(c.bundle); err != nil {
			return nil, err
		}
	}
	spec, err := loadSpec("config.json")
	if err != nil {
		return nil, err
	}
	if err := c.check(cmp.Or(spec.Process, &specs.Process{})); err != nil {
		return nil, err
	}
	if r.systemd && !systemd.IsRunningSystemd() {
		return nil, errors.New(
			"--systemd-cgroup: systemd is not running (without the flag, this runtime creates the cgroups itself)")
	}
	rootless, err := r.rootlessCgroups()
	if err != nil {
		return nil, err
	}
	bundle, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	c.notify = newNotifier(r.root, id)
	c.notify.mountSocket(spec)
	return &engine.Options{ID: id, Bundle: bundle, Root: r.root, Cache: r.cache(), Spec: spec, Prepare: c.notify.mkdir,
		NoPivot: c.noPivot, NoNewKeyring: c.noKeyring, SystemdCgroup: r.systemd, Rootless: rootless}, nil
}

// begin creates the container. Its init then waits for the start.
func (r *runtime) begin(c *creation, o *engine.Options) (*startedProcess, error) {
	return c.start.begin(cmp.Or(o.Spec.Process, &specs.Process{}), func(io engine.Stdio) (*engine.Process, error) {
		o.Stdio = io
		container, err := r.engine.Create(context.Background(), *o)
		if err != nil {
			return nil, err
		}
		c.container = container
		return container.Init(), nil
	})
}

// undo removes the container of a creation that failed after begin.
func (c *creation) undo() error {
	if c.container == nil {
		return nil
	}
	return c.container.Delete()
}

// rootlessCgroups reports whether to tolerate cgroups that cannot be changed.
func (r *runtime) rootlessCgroups() (bool, error) {
	if r.rootless == "" || strings.EqualFold(r.rootless, "auto") {
		return os.Geteuid() != 0 || userns.RunningInUserNS(), nil
	}
	b, err := strconv.ParseBool(r.rootless)
	if err != nil {
		return false, fmt.Errorf("--rootless %s: want true, false or auto", r.rootless)
	}
	return b, nil
}

// loadSpec reads config.json. It refuses a major version other than 1, whose meaning is unknown.
func loadSpec(path string) (*specs.Spec, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no %s (--bundle names its directory): %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	return parseSpec(data)
}

func parseSpec(data []byte) (*specs.Spec, error) {
	spec := &specs.Spec{}
	if err := json.Unmarshal(data, spec); err != nil {
		return nil, fmt.Errorf("decode config.json: %w", err)
	}
	if major, _, ok := strings.Cut(spec.Version, "."); !ok || major != "1" {
		return nil, fmt.Errorf("config.json: ociVersion %q: this runtime supports major version 1, up to %s",
			spec.Version, specs.Version)
	}
	if spec.Root == nil {
		return nil, errors.New("config.json lacks root")
	}
	if spec.Linux == nil {
		spec.Linux = &specs.Linux{}
	}
	if spec.Process == nil {
		return spec, nil
	}
	return spec, checkProcess(spec.Process)
}

func checkProcess(p *specs.Process) error {
	switch {
	case p.Cwd == "" || !filepath.IsAbs(p.Cwd):
		return fmt.Errorf("process.cwd %q: want an absolute path", p.Cwd)
	case len(p.Args) == 0:
		return errors.New("process.args: want a command")
	}
	return nil
}
