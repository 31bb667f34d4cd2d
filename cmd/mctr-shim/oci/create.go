package oci

import (
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
	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer"
)

// A creation is what create and run have in common.
type creation struct {
	start
	bundle             string
	noPivot, noKeyring bool
	keep, noSubreaper  bool
	notify             *notifier
	record             record
}

func (c *creation) register(f *flag.FlagSet) {
	stringVar(f, &c.bundle, "bundle", "b", "directory with config.json (default: this one)")
	f.StringVar(&c.pidFile, "pid-file", "", "file to write init's pid to")
	f.StringVar(&c.consoleSocket, "console-socket", "", "unix socket that receives the terminal's master")
	f.StringVar(&c.pidfdSocket, "pidfd-socket", "", "unix socket that receives a pidfd of init")
	f.IntVar(&c.preserve, "preserve-fds", 0, "pass so many more descriptors, from 3 on")
	f.BoolVar(&c.noPivot, "no-pivot", false, "chroot in place of pivot_root, for a root in a ramdisk")
	f.BoolVar(&c.noKeyring, "no-new-keyring", false, "keep the session keyring")
}

func (r *runtime) create(args []string) (int, error) {
	c := &creation{start: start{detach: true, init: true}}
	f := newFlags("create")
	c.register(f)
	id, err := parseID(f, args)
	if err != nil {
		return 1, err
	}
	process, err := r.prepare(c, id)
	if err != nil {
		return 1, err
	}
	if _, err := c.begin(process); err != nil {
		return 1, errors.Join(err, destroy(c.container))
	}
	return 0, nil
}

// prepare makes the container without a process, and gives the process.
func (r *runtime) prepare(c *creation, id string) (*specs.Process, error) {
	if err := c.absolute(); err != nil {
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
	process, err := c.processOf(spec)
	if err != nil {
		return nil, err
	}
	c.notify = newNotifier(r.root, id)
	c.notify.mountSocket(spec)
	if c.container, err = r.make(c, id, spec); err != nil {
		return nil, err
	}
	c.seccomp, c.cache = c.container.Config().Seccomp, filepath.Join(r.root, seccompDir)
	if err := c.notify.mkdir(); err != nil {
		return nil, errors.Join(err, destroy(c.container))
	}
	return process, nil
}

// processOf gives the process that init is to become, or a stand-in for it.
func (c *creation) processOf(s *specs.Spec) (*specs.Process, error) {
	if s.Process != nil {
		return s.Process, c.check(s.Process)
	}
	c.record.NoProcess = true
	process, err := placeholderProcess(s)
	if err != nil {
		return nil, err
	}
	return process, c.check(process)
}

func (r *runtime) make(c *creation, id string, spec *specs.Spec) (*lc.Container, error) {
	if r.systemd && !systemd.IsRunningSystemd() {
		return nil, errors.New(
			"--systemd-cgroup: systemd does not run here (leave the flag out: control groups are made by hand then)")
	}
	rootless, err := r.rootlessCgroups()
	if err != nil {
		return nil, err
	}
	config, err := libcontainer.Config(&specconv.CreateOpts{
		CgroupName: id, UseSystemdCgroup: r.systemd, NoPivotRoot: c.noPivot, NoNewKeyring: c.noKeyring,
		Spec: spec, RootlessEUID: os.Geteuid() != 0, RootlessCgroups: rootless,
	})
	if err != nil {
		return nil, err
	}
	c.record.takePoststart(config)
	container, err := lc.Create(r.root, id, config)
	if err != nil {
		return nil, err
	}
	if err := c.record.write(r.dir(id)); err != nil {
		return nil, errors.Join(err, destroy(container))
	}
	return container, nil
}

// rootlessCgroups reports whether control groups may be out of reach.
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

// loadSpec reads config.json. A major version other than 1 is refused, since
// nobody knows what it will mean.
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
		return nil, fmt.Errorf("config.json: ociVersion %q: this runtime knows major version 1, up to %s", spec.Version,
			specs.Version)
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
