package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/container"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/internal/hostflags"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// samples has one or more values for every flag of run and create.
var samples = map[string][]string{
	"name": {"box"}, "hostname": {"own.name"}, "workdir": {"/tmp"}, "user": {"7:8"}, "group-add": {"9"},
	"entrypoint": {"/bin/busybox"},
	"env":        {"A=1"}, "env-file": {"FILE"}, "label": {"k=v"}, "label-file": {"FILE"}, "annotation": {"a.b=c"},
	"tty": {"true"}, "interactive": {"true"}, "init": {"true"}, "rm": {"true"}, "read-only": {"true"},
	"no-image": {"true"},
	"runtime":  {"runc"}, "platform": {"linux/amd64"}, "pull": {"always"},
	"volume": {"/usr:/v"}, "mount": {"type=bind,source=/usr,target=/m"}, "tmpfs": {"/t"},
	"secret":       {"file:/etc/passwd", "file:/etc/passwd,type=env,target=PASSWD"},
	"volumes-from": {"donor:ro"},
	"storage-opt":  {"size=64m"}, "disk": {"64m"}, "disk-inodes": {"1000"}, "disk-action": {"end"},
	"device": {"/dev/fuse:/dev/own:r"}, "shm-size": {"1m"},
	"ulimit": {"nofile=7:8"}, "sysctl": {"net.ipv4.ip_forward=1", "kernel.msgmax=7"},
	"pid": {"host"}, "ipc": {"host"}, "uts": {"host"}, "cgroupns": {"host"},
	"privileged": {"true"}, "cap-add": {"NET_ADMIN"}, "cap-drop": {"KILL"},
	"security-opt": {"no-new-privileges", "seccomp=unconfined"},
	"stop-signal":  {"INT"}, "stop-timeout": {"7"}, "restart": {"on-failure:3"}, "max-completion-time": {"1h"},
	"log-driver": {"json-file", "none"}, "log-opt": {"max-size=7m"},
	"cpus": {"0.5"}, "cpu-shares": {"77"}, "cpu-quota": {"7000"}, "cpu-period": {"70000"}, "cpu-burst": {"70"},
	"cpuset-cpus": {"0"}, "cpuset-mems": {"0"},
	"memory": {"70m"}, "memory-swap": {"77m"}, "memory-reservation": {"7m"}, "memory-high": {"71m"},
	"memory-swappiness": {"7"},
	"oom-score-adj":     {"7"}, "oom-kill-disable": {"true"}, "pids-limit": {"77"},
	"blkio-weight": {"77"}, "blkio-weight-device": {"/dev/loop0:77"}, "device-read-bps": {"/dev/loop0:7m"},
	"device-write-bps": {"/dev/loop0:7m"},
	"device-read-iops": {"/dev/loop0:7"}, "device-write-iops": {"/dev/loop0:7"},
	"health-cmd": {"true"}, "health-http": {":80"}, "health-tcp": {"80"}, "health-delay": {"7s"},
	"health-interval": {"7s"}, "health-timeout": {"7s"}, "health-retries": {"7"},
	"health-start-period": {"7s", "0"}, "health-start-interval": {"7s"}, "health-keep": {"true"},
	"no-healthcheck": {"true"},
	"ready-cmd":      {"true"}, "ready-http": {":80"}, "ready-tcp": {"80"}, "ready-delay": {"7s"},
	"ready-interval": {"7s"}, "ready-timeout": {"7s"}, "ready-retries": {"7"},
	"network": {"none", "host", "container:box"}, "ip": {"10.0.0.7"}, "ip6": {"fd00::7"},
	"mac-address": {"02:00:00:00:00:07"},
	"publish":     {"8099:80", "[::]:8099:80"}, "publish-all": {"true"}, "dns": {"10.0.0.53"}, "dns-search": {"a.b"},
	"dns-option": {"ndots:7"},
	"add-host":   {"db:10.0.0.7", "up:host-gateway"}, "listen-ports": {"80"}, "listen-action": {"end"},
	"listen-interval": {"7s"},
}

// notOfConfig are flags that do not change the config. The table of conflicts is about them.
var notOfConfig = []string{"help", "cidfile", "net"}

// excused has the pairs in which one flag changes the meaning of the other, with the reason.
var excused = map[string]string{
	"cap-add user":         "a user that is not root has capabilities in the bounding set alone",
	"privileged user":      "the same",
	"device privileged":    "a privileged container has all devices, with all permissions",
	"hostname network":     "the host's name is the default with the host's network",
	"network uts":          "the same name, by the host's namespace",
	"init no-image":        "the init is where it is on the host",
	"memory memory-swap":   "the limit's own allowance of swap is a default",
	"no-image secret":      "the file is in the sandbox",
	"no-image user":        "the user is looked up on the host",
	"no-image workdir":     "the sandbox is the default",
	"privileged read-only": "what shows the host is read-only too",
}

type flagValue struct{ flag, value string }

func (s flagValue) String() string { return "--" + s.flag + "=" + s.value }

// flagPairs has the launches of a test.
type flagPairs struct {
	t       *testing.T
	app     *hostapi.Host
	image   string
	alone   map[flagValue]map[string]string // config and spec with a single flag
	base    map[string]string               // config and spec without flags
	excused map[string]bool                 // pairs whose excuse was needed
}

// TestFlagPairs tries every pair of flags of run. A pair must either be refused or have the effects of
// both flags in the config and the spec.
func TestFlagPairs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test is run by root")
	}
	p, h := newPairs(t)
	defer h.want(0, "rm", "donor")
	all := p.samples()
	var accepted []flagValue
	for _, s := range all {
		if spec, err := p.ask(s); err == nil {
			p.alone[s] = spec
			accepted = append(accepted, s)
		} else if !errors.Is(err, mctr.ErrInvalid) && !errors.Is(err, mctr.ErrUnsupported) &&
			!errors.Is(err, mctr.ErrNotFound) && !errors.Is(err, mctr.ErrState) {
			t.Errorf("%v: %v", s, err)
		}
	}
	if len(accepted) < len(all)/2 {
		t.Errorf("of %d flags %d are honoured", len(all), len(accepted))
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			p.pair(a, b)
		}
	}
	for pair := range excused {
		if !p.excused[pair] {
			t.Errorf("%s needs no excuse", pair)
		}
	}
}

// newPairs returns the launches of a new host, on which a container called donor has volumes.
func newPairs(t *testing.T) (*flagPairs, *host) {
	t.Helper()

	dir := t.TempDir()
	t.Setenv("PATH", filepath.Dir(program(t))+":"+os.Getenv("PATH"))
	t.Setenv("MCTR_NETWORK", "none")
	p := &flagPairs{t: t, image: imagetest.Busybox(t, dir), alone: map[flagValue]map[string]string{},
		excused: map[string]bool{}}
	p.app = &hostapi.Host{Flags: hostflags.Flags{LogLevel: "error", LogFormat: "text"}}
	p.app.Flags.Root, p.app.Flags.State = filepath.Join(dir, "root"), filepath.Join(dir, "state")
	if err := p.app.Open(); err != nil {
		t.Fatal(err)
	}
	h := newHostIn(t, p.app.Local.Root, p.app.Local.State, p.image)
	h.want(0, "pull", "-q", p.image)
	h.want(0, "create", "--name", "donor", "-v", "/etc:/from", p.image, "true")
	t.Cleanup(func() { _ = p.app.Close() })
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("FROM=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	samples["env-file"], samples["label-file"] = []string{file}, []string{file}
	var err error
	if p.base, err = p.ask(); err != nil {
		t.Fatal(err)
	}
	return p, h
}

// samples checks that there is a sample for each flag of run.
func (p *flagPairs) samples() (all []flagValue) {
	p.t.Helper()
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	(&flags.Launch{}).Register(f)
	f.VisitAll(func(flag *pflag.Flag) {
		if _, known := samples[flag.Name]; !known && !slices.Contains(notOfConfig, flag.Name) {
			p.t.Errorf("--%s: without a sample", flag.Name)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		for _, value := range samples[name] {
			all = append(all, flagValue{name, value})
		}
	}
	return all
}

// ask returns the config and the spec of a launch as a map from paths to values.
func (p *flagPairs) ask(given ...flagValue) (said map[string]string, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			p.t.Errorf("%v: panic: %v", given, broken)
			err = mctr.ErrInvalid
		}
	}()
	l, cmd := &flags.Launch{}, &cobra.Command{Use: "run"}
	container.PrepareLaunchFlags(p.app, cmd, l)
	var args []string
	for _, s := range given {
		args = append(args, s.String())
	}
	if err := cmd.ParseFlags(args); err != nil {
		return nil, fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	if err := flags.Check(cmd, ""); err != nil {
		return nil, err
	}
	image := p.image
	if l.NoImage {
		image = ""
	}
	config, err := l.Config(cmd.Flags(), image, []string{"/bin/true"})
	if err != nil {
		return nil, err
	}
	if err := container.ChooseNetwork(p.t.Context(), p.app, config); err != nil {
		return nil, err
	}
	c, err := p.app.Containers(p.t.Context())
	if err != nil {
		return nil, err
	}
	spec, err := c.DryRun(p.t.Context(), config)
	if err != nil {
		return nil, err
	}
	said = map[string]string{}
	flatten(said, "config", asJSON(p.t, config))
	flatten(said, "spec", asJSON(p.t, spec))
	return said, nil
}

var ids = regexp.MustCompile(`([/"=.-])([0-9a-f]{64}|[0-9a-f]{12})`)

func asJSON(t *testing.T, v any) (decoded any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(ids.ReplaceAll(data, []byte("${1}ID")), &decoded)
	}
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// flatten adds the values in v by path. The elements of a list are their own paths.
func flatten(to map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			flatten(to, path+"."+key, value)
		}
	case []any:
		for _, element := range v {
			data, _ := json.Marshal(element)
			to[path+"["+string(data)+"]"] = "there"
		}
	default:
		to[path] = fmt.Sprint(v)
	}
}

// pair checks that a pair of flags has the effects of both, or is refused.
func (p *flagPairs) pair(a, b flagValue) {
	p.t.Helper()
	both, err := p.ask(a, b)
	if err != nil {
		if p.alone[a] != nil && p.alone[b] != nil && errors.Is(err, mctr.ErrUnavailable) {
			p.t.Errorf("%v %v: %v", a, b, err)
		}
		return
	}
	for _, s := range []flagValue{a, b} {
		if p.alone[s] == nil || a.flag == b.flag {
			continue // the flag has a meaning only together with the other one
		}
		for path, value := range p.alone[s] {
			base := p.base[path]
			if value == base || both[path] == value {
				continue
			}
			if pair := a.flag + " " + b.flag; excused[pair] != "" {
				p.excused[pair] = true
			} else {
				p.t.Errorf("%v %v: %v alone makes %s %q, both make it %q", a, b, s, path, value, both[path])
			}
		}
	}
}
