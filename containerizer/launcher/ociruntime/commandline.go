// Package ociruntime makes mctr-shim an OCI runtime: it has runc's command line (commands, flags,
// exit codes and output) on top of an engine, for conmon, containerd and other programs that run
// runc. It leaves no process of its own behind. The container's init becomes a child of the caller
// or of the caller's subreaper, and has the caller's streams and descriptors.
//
// On disk below --root: a directory for each container with the engine's records and, for a
// container that notifies a service manager, a socket, which delete removes; in ~seccomp the
// compiled seccomp profiles, which stay. In the kernel: what config.json says.
package ociruntime

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// Invoked reports whether argv runs the OCI runtime, as "mctr-shim oci ..." or by a link called
// mctr-oci, and returns its arguments.
func Invoked(argv []string) (args []string, ok bool) {
	if len(argv) > 0 && filepath.Base(argv[0]) == "mctr-oci" {
		return argv[1:], true
	}
	if len(argv) > 1 && argv[1] == "oci" {
		return argv[2:], true
	}
	return nil, false
}

// A runtime holds the values of the global flags.
type runtime struct {
	engine               engine.Engine
	root, log, logFormat string
	debug, systemd       bool
	rootless             string
	stdout               io.Writer
}

// A verb is one command; run returns the exit code of the program.
type verb struct {
	name, usage string
	run         func(*runtime, []string) (int, error)
}

func verbs() []verb {
	return []verb{
		{"create", "create [flags] ID", (*runtime).create},
		{"delete", "delete [--force] ID", (*runtime).delete},
		{"events", "events [--stats] [--interval 5s] ID", (*runtime).events},
		{"exec", "exec [flags] ID COMMAND [ARG...] | exec --process FILE ID", (*runtime).exec},
		{"features", "features", (*runtime).features},
		{"kill", "kill [--all] ID [SIGNAL]", (*runtime).kill},
		{"list", "list [--format table|json] [--quiet]", (*runtime).list},
		{"pause", "pause ID", (*runtime).pause},
		{"ps", "ps [--format table|json] ID [PS-OPTION...]", (*runtime).ps},
		{"resume", "resume ID", (*runtime).resume},
		{"run", "run [flags] ID", (*runtime).run},
		{"spec", "spec [--bundle DIR] [--rootless]", (*runtime).spec},
		{"start", "start ID", (*runtime).start},
		{"state", "state ID", (*runtime).state},
		{"update", "update [--resources FILE|-] [flags] ID", (*runtime).update},
	}
}

// Run executes the command line args on the engine e and returns the exit code: 0, the process's
// own for a foreground run or exec, 255 for an exec that failed, else 1.
func Run(args []string, e engine.Engine) int {
	r := &runtime{engine: e, stdout: os.Stdout}
	f := r.flags()
	showVersion := f.Bool("version", false, "print the version")
	f.BoolVar(showVersion, "v", false, "print the version")
	err := f.Parse(args)
	args = f.Args()
	switch {
	case errors.Is(err, flag.ErrHelp) || err == nil && !*showVersion && (len(args) == 0 || args[0] == "help"):
		r.help(f)
		return 0
	case err != nil:
		return r.fail(1, err)
	case *showVersion:
		r.version()
		return 0
	}
	if err := r.configure(); err != nil {
		return r.fail(1, err)
	}
	code, err := r.runVerb(args[0], args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return r.fail(max(code, 1), err)
	}
	return code
}

func (r *runtime) flags() *flag.FlagSet {
	f := newFlags("mctr-oci")
	f.StringVar(&r.root, "root", defaultRoot(), "directory of the containers' state; should not survive a reboot")
	f.StringVar(&r.log, "log", "", "file for messages (default: stderr)")
	f.StringVar(&r.logFormat, "log-format", "text", "text or json")
	f.BoolVar(&r.debug, "debug", false, "log debug messages")
	f.BoolVar(&r.systemd, "systemd-cgroup", false,
		"let systemd create cgroups; cgroupsPath is then slice:prefix:name")
	f.StringVar(&r.rootless, "rootless", "auto", "tolerate cgroups that cannot be changed: true, false or auto")
	return f
}

func defaultRoot() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && os.Geteuid() != 0 {
		return filepath.Join(dir, "mctr-oci")
	}
	return "/run/mctr-oci"
}

func (r *runtime) configure() (err error) {
	if r.root, err = filepath.Abs(r.root); err != nil {
		return err
	}
	if r.root == "/" {
		return errors.New("--root must not be /")
	}
	return r.openLog()
}

func (r *runtime) runVerb(name string, args []string) (int, error) {
	i := slices.IndexFunc(verbs(), func(v verb) bool { return v.name == name })
	if i < 0 {
		return 1, fmt.Errorf("unknown command %q (mctr-oci --help lists them)", name)
	}
	return verbs()[i].run(r, args)
}

func (r *runtime) help(f *flag.FlagSet) {
	var lines []string
	for _, v := range verbs() {
		lines = append(lines, "  "+v.usage)
	}
	fmt.Fprintf(r.stdout,
		"An OCI runtime with runc's command line.\n\nUsage: mctr-oci [flags] COMMAND ...\n\n%s\n\nFlags:\n",
		strings.Join(lines, "\n"))
	f.SetOutput(r.stdout)
	f.PrintDefaults()
}
