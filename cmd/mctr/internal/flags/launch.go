// Package flags converts the flags of mctr's commands to configs of the library. It refuses flags that
// have no meaning beside each other. In errors of the library it replaces the names of fields with
// the flags that set these fields.
package flags

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/commandline"
	"github.com/mctr/mctr/logs"
)

// Environment returns the variables of --env and --env-file, with the values of this process for
// variables that are given by name alone.
func Environment(vars, files []string) ([]string, error) {
	c := &mctr.ContainerConfig{}
	err := (&Launch{env: vars, envFile: files}).environment(c)
	return c.Process.Env, err
}

// Launch has the values of the flags of run and create.
type Launch struct {
	Name, hostname, workdir, user, entrypoint string
	CIDFile, platform, pull, runtime          string
	env, envFile, label, labelFile, groupAdd  []string
	TTY, Stdin, init, readOnly, Rm, NoImage   bool
	volumes, mounts, tmpfs, devices, secrets  []string
	volumesFrom                               []string
	ulimits, sysctls, annotations             []string
	pid, ipc, uts, cgroupns                   string
	stopSignal                                string
	stopTimeout                               int
	restart                                   string
	maxTime                                   time.Duration
	shmSize                                   string
	resources                                 Resources
	health                                    healthFlags
	network                                   networkFlags
	privileged                                bool
	capAdd, capDrop, securityOpt              []string
	logDriver                                 string
	logOpts                                   []string
}

// Register adds the flags, grouped under headings.
func (l *Launch) Register(f *pflag.FlagSet) {
	f.StringVar(&l.Name, "name", "", "name of the container")
	f.StringArrayVarP(&l.label, "label", "l", nil, "label `KEY=VALUE`, for example for ps --filter")
	f.StringArrayVar(&l.labelFile, "label-file", nil, "read labels from `FILE`, one per line")
	f.StringArrayVar(&l.annotations, "annotation", nil, "OCI annotation `KEY=VALUE`")
	f.StringVar(&l.CIDFile, "cidfile", "", "write the container's id to `FILE`")
	f.BoolVarP(&l.TTY, "tty", "t", false, "give the container a terminal")
	f.BoolVarP(&l.Stdin, "interactive", "i", false, "keep stdin open")
	f.BoolVar(&l.Rm, "rm", false, "remove the container when it has exited")
	f.StringVar(&l.restart, "restart", "no",
		"restart the container when it exits: no, on-failure[:`MAX`], always, unless-stopped")
	f.DurationVar(&l.maxTime, "max-completion-time", 0, "stop the container after this time")
	f.StringVar(&l.stopSignal, "stop-signal", "", "signal that stop sends first (default: the image's, or SIGTERM)")
	f.IntVar(&l.stopTimeout, "stop-timeout", 0,
		"seconds until stop kills the container (default 10; 0: at once; -1: never)")
	f.StringVar(&l.logDriver, "log-driver", "cri", "cri, json-file, raw or none")
	f.StringArrayVar(&l.logOpts, "log-opt", nil, "max-size=20m (the default; -1: no limit), max-file=5 (the default)")
	for title, register := range map[string]func(*pflag.FlagSet){
		"Image flags": l.registerImage, "Process flags": l.registerProcess, "Storage flags": l.registerFiles,
		"Isolation flags": l.registerIsolation,
		"Limit flags":     l.resources.Register, "Health flags": l.health.register, "Network flags": l.registerNetwork,
	} {
		commandline.Under(f, title, register)
	}
}

func (l *Launch) registerImage(f *pflag.FlagSet) {
	f.StringVar(&l.platform, "platform", "", "`OS/ARCH[/VARIANT]` of the image (default: this host's)")
	f.StringVar(&l.pull, "pull", "missing", "when to ask the registry: always, missing, never, newer")
	f.BoolVar(&l.NoImage, "no-image", false, "use the filesystem of the host, with a sandbox for the container")
	f.StringVar(&l.runtime, "runtime", "",
		"OCI runtime to run it with: `NAME|PATH` of runc, crun, ... (default: the built-in one)")
}

func (l *Launch) registerProcess(f *pflag.FlagSet) {
	f.StringVarP(&l.workdir, "workdir", "w", "", "working directory in the container")
	f.StringVarP(&l.user, "user", "u", "", "`USER[:GROUP]`, names or numbers, looked up in the image")
	f.StringSliceVar(&l.groupAdd, "group-add", nil, "supplementary groups")
	f.StringVar(&l.entrypoint, "entrypoint", "", "replace the image's entrypoint (\"\" clears it)")
	f.StringArrayVarP(&l.env, "env", "e", nil, "`NAME=VALUE`, or NAME to pass on its value")
	f.StringArrayVar(&l.envFile, "env-file", nil, "read variables from `FILE`, one per line")
	f.BoolVar(&l.init, "init", false, "run an init that reaps processes as process 1")
	f.StringArrayVar(&l.ulimits, "ulimit", nil, "`TYPE=SOFT[:HARD]`, such as nofile=1024:2048")
}

func (l *Launch) registerFiles(f *pflag.FlagSet) {
	f.BoolVar(&l.readOnly, "read-only", false, "make the root filesystem read-only")
	f.StringArrayVarP(&l.volumes, "volume", "v", nil,
		"`[SOURCE:]TARGET[:OPTIONS]`: a path of the host or a named volume, created if missing; options: ro,nocopy,...")
	f.StringArrayVar(&l.volumesFrom, "volumes-from", nil, "mount the volumes of `CONTAINER[:ro]` too")
	f.StringArrayVar(&l.mounts, "mount", nil,
		"comma-separated `OPTIONS`: type=volume|bind|tmpfs|image|... source=NAME|PATH target=PATH ...")
	f.StringArrayVar(&l.secrets, "secret", nil,
		"`REF[,OPTIONS]`: file:/PATH, env:NAME or - (stdin), as a read-only file in /run/secrets;\n"+
			"options: type=mount|env,target=..,mode=0400,uid=..,gid=..")
	f.StringArrayVar(&l.tmpfs, "tmpfs", nil, "`TARGET[:OPTIONS]` of a tmpfs; options such as size=64m,mode=1777,ro")
	f.StringVar(&l.shmSize, "shm-size", "", "size of /dev/shm (default 64m)")
}

func (l *Launch) registerIsolation(f *pflag.FlagSet) {
	f.StringArrayVar(&l.devices, "device", nil,
		"`SOURCE[:TARGET[:rwm]]`: a device of the host; r: read, w: write, m: make nodes")
	f.StringArrayVar(&l.sysctls, "sysctl", nil, "`KEY=VALUE` of a namespaced kernel parameter")
	f.StringVar(&l.pid, "pid", "", "host: share the PID namespace of the host")
	f.StringVar(&l.ipc, "ipc", "", "host: share the IPC namespace of the host")
	f.StringVar(&l.uts, "uts", "", "host: share the UTS namespace (hostname) of the host")
	f.StringVar(&l.cgroupns, "cgroupns", "", "private or host (default: private on cgroup v2, host on v1)")
	f.BoolVar(&l.privileged, "privileged", false, "all capabilities and devices, no seccomp, nothing masked")
	f.StringSliceVar(&l.capAdd, "cap-add", nil, "add capabilities (ALL for all)")
	f.StringSliceVar(&l.capDrop, "cap-drop", nil, "drop capabilities (ALL for all)")
	f.StringArrayVar(&l.securityOpt, "security-opt", nil,
		"`OPTION`: seccomp=FILE, seccomp=unconfined, no-new-privileges")
}

func (l *Launch) registerNetwork(f *pflag.FlagSet) {
	f.StringVarP(&l.hostname, "hostname", "h", "", "hostname in the container (default: the short id)")
	l.network.register(f)
}

// Config returns the config of a container with this image, these arguments and the flags in l. f is
// the set that the flags were registered in.
func (l *Launch) Config(f *pflag.FlagSet, image string, args []string) (*mctr.ContainerConfig, error) {
	c := &mctr.ContainerConfig{
		Name: l.Name, Image: image, Platform: l.platform, Runtime: l.runtime,
		Process: mctr.Process{
			Args: args, WorkingDir: l.workdir, User: l.user, GroupAdd: l.groupAdd,
			Init: l.init, Terminal: l.TTY, Stdin: l.Stdin,
		},
		Hostname: l.hostname, ReadOnly: l.readOnly,
		Namespaces:    mctr.Namespaces{PID: l.pid, IPC: l.ipc, UTS: l.uts, Cgroup: l.cgroupns},
		StopSignal:    l.stopSignal,
		MaxCompletion: mctr.Duration(l.maxTime),
		Remove:        l.Rm,
		Security:      mctr.Security{Privileged: l.privileged, CapAdd: l.capAdd, CapDrop: l.capDrop},
	}
	if image != "" {
		c.Pull = l.pull
	}
	if f.Changed("stop-timeout") {
		c.StopTimeout = new(mctr.Duration(time.Duration(l.stopTimeout) * time.Second))
	}
	var err error
	if c.Restart, err = mctr.ParseRestartPolicy(l.restart); err != nil {
		return nil, fmt.Errorf("--restart: %w", err)
	}
	if f.Changed("entrypoint") {
		entrypoint := []string{}
		if l.entrypoint != "" {
			entrypoint = append(entrypoint, l.entrypoint)
		}
		c.Process.Entrypoint = &entrypoint
	}
	for _, part := range []func(*mctr.ContainerConfig) error{
		l.environment, l.labels, l.filesystems, l.secretFlags, l.limits, l.security, l.logging, l.resources.Fill,
		l.health.fill, l.network.fill, l.readSecrets,
	} {
		if err := part(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (l *Launch) environment(c *mctr.ContainerConfig) error {
	lines, err := readLines(l.envFile)
	if err != nil {
		return fmt.Errorf("--env-file: %w", err)
	}
	for _, v := range append(lines, l.env...) {
		if name, _, _ := strings.Cut(v, "="); name == "" || strings.ContainsAny(name, " \t") {
			return fmt.Errorf("%w: --env (or --env-file) %q: want NAME=VALUE, or NAME to pass on its value",
				mctr.ErrInvalid, v)
		}
		if !strings.Contains(v, "=") {
			value, set := os.LookupEnv(v)
			if !set {
				continue // as docker: a variable without a value is not passed on
			}
			v += "=" + value
		}
		c.Process.Env = append(c.Process.Env, v)
	}
	return nil
}

func (l *Launch) labels(c *mctr.ContainerConfig) (err error) {
	lines, err := readLines(l.labelFile)
	if err != nil {
		return fmt.Errorf("--label-file: %w", err)
	}
	if c.Labels, err = Pairs("--label", append(lines, l.label...), true); err != nil {
		return err
	}
	if c.Annotations, err = Pairs("--annotation", l.annotations, true); err != nil {
		return err
	}
	c.Sysctls, err = Pairs("--sysctl", l.sysctls, false)
	return err
}

// byteOrderMark is at the beginning of files from some editors on Windows.
const byteOrderMark = "\ufeff"

// readLines reads files with one item per line. It skips empty lines and comments.
func readLines(files []string) ([]string, error) {
	var lines []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		number := 0
		for line := range strings.Lines(strings.TrimPrefix(string(data), byteOrderMark)) {
			if number++; !utf8.ValidString(line) {
				return nil, fmt.Errorf("%w: %s, line %d: not valid UTF-8", mctr.ErrInvalid, file, number)
			}
			line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t")
			if line != "" && line[0] != '#' {
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

// Pairs reads items of the form KEY=VALUE and, if valueless is true, KEY alone.
func Pairs(flag string, items []string, valueless bool) (map[string]string, error) {
	if len(items) == 0 {
		return nil, nil
	}
	m := map[string]string{}
	for _, item := range items {
		key, value, ok := strings.Cut(item, "=")
		if key == "" || !ok && !valueless {
			return nil, fmt.Errorf("%w: %s %q: want KEY=VALUE", mctr.ErrInvalid, flag, item)
		}
		m[key] = value
	}
	return m, nil
}

func (l *Launch) limits(c *mctr.ContainerConfig) (err error) {
	for _, u := range l.ulimits {
		limit, err := units.ParseUlimit(u)
		if err != nil {
			return fmt.Errorf("%w: --ulimit %s: %w", mctr.ErrInvalid, u, err)
		}
		c.Rlimits = append(c.Rlimits, mctr.Rlimit{Type: limit.Name, Soft: limit.Soft, Hard: limit.Hard})
	}
	for _, d := range l.devices {
		device, err := parseDevice(d)
		if err != nil {
			return err
		}
		c.Devices = append(c.Devices, device)
	}
	if c.ShmSize, err = Size("--shm-size", l.shmSize); err == nil && l.shmSize != "" && c.ShmSize == 0 {
		err = fmt.Errorf("%w: --shm-size %s: want more than 0", mctr.ErrInvalid, l.shmSize)
	}
	return err
}

// parseDevice reads SOURCE[:TARGET[:PERMISSIONS]] or, like docker, SOURCE:PERMISSIONS.
func parseDevice(s string) (mctr.Device, error) {
	parts := strings.Split(s, ":")
	d := mctr.Device{Source: parts[0]}
	switch {
	case len(parts) == 2 && !strings.HasPrefix(parts[1], "/"):
		d.Permissions = parts[1]
	case len(parts) == 2:
		d.Target = parts[1]
	case len(parts) == 3:
		d.Target, d.Permissions = parts[1], parts[2]
	case len(parts) > 3:
		return d, fmt.Errorf("%w: --device %s: want SOURCE[:TARGET[:rwm]]", mctr.ErrInvalid, s)
	}
	return d, nil
}

// Size reads a number of bytes with the units of docker. "" is 0.
func Size(flag, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := units.RAMInBytes(s)
	if err != nil || n < 0 { // a number beyond int64 overflows to a negative one
		return 0, fmt.Errorf("%w: %s %s: want a size such as 64m or 1g", mctr.ErrInvalid, flag, s)
	}
	return n, nil
}

func (l *Launch) security(c *mctr.ContainerConfig) error {
	for _, o := range l.securityOpt {
		key, value, _ := strings.Cut(strings.Replace(o, ":", "=", 1), "=")
		switch {
		case key == "no-new-privileges" && (value == "" || value == "true"):
			c.Security.NoNewPrivileges = true
		case key == "no-new-privileges" && value == "false":
			c.Security.NoNewPrivileges = false
		case key == "seccomp" && value == "unconfined":
			c.Security.Seccomp = value
		case key == "seccomp":
			profile, err := os.ReadFile(value)
			if err != nil {
				return fmt.Errorf("--security-opt seccomp: %w", err)
			}
			c.Security.Seccomp = string(profile)
		default:
			return fmt.Errorf("%w: --security-opt %s: want seccomp=FILE|unconfined or no-new-privileges",
				mctr.ErrInvalid, o)
		}
	}
	return nil
}

// logSize reads the maximum size of a log file. -1 is unlimited.
func logSize(value string) (int64, error) {
	if value == "-1" {
		return logs.Unlimited, nil
	}
	n, err := Size("--log-opt max-size", value)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: --log-opt max-size=%s: want a size such as 20m, or -1 for no limit", mctr.ErrInvalid,
			value)
	}
	return n, err
}

func (l *Launch) logging(c *mctr.ContainerConfig) error {
	c.Log.Driver = l.logDriver
	for _, o := range l.logOpts {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "max-size":
			n, err := logSize(value)
			if err != nil {
				return err
			}
			c.Log.MaxSize = n
		case "max-file":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return fmt.Errorf("%w: --log-opt max-file=%s: want a number of files, at least 1", mctr.ErrInvalid,
					value)
			}
			c.Log.MaxFiles = n
		default:
			return fmt.Errorf("%w: --log-opt %s: want max-size=SIZE or max-file=N", mctr.ErrInvalid, o)
		}
	}
	return nil
}

// ImageAndCommand splits the arguments into image and command.
func (l *Launch) ImageAndCommand(args []string) (image string, command []string, err error) {
	if l.NoImage {
		return "", args, nil
	}
	if len(args) == 0 {
		return "", nil, fmt.Errorf("%w: no image given (--no-image runs on the filesystem of the host)",
			mctr.ErrInvalid)
	}
	return args[0], args[1:], nil
}
