package flags

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

var mountFlags = []struct {
	flag, text string
	want       mctr.Volume
	wrong      string // part of the error; "": no error
}{
	{"volume", "/a:/b", mctr.Volume{Type: "bind", Source: "/a", Target: "/b", Create: true}, ""},
	{"volume", "/a:/b:ro", mctr.Volume{Type: "bind", Source: "/a", Target: "/b", Create: true, ReadOnly: true}, ""},
	{"volume", "/a:/b:rw,rslave,z",
		mctr.Volume{Type: "bind", Source: "/a", Target: "/b", Create: true, Options: []string{"rslave"}}, ""},
	{"volume", "/a", mctr.Volume{Type: "volume", Target: "/a"}, ""},
	{"volume", "name:/b", mctr.Volume{Type: "volume", Source: "name", Target: "/b"}, ""},
	{"volume", "name:/b:ro,nocopy", mctr.Volume{Type: "volume", Source: "name", Target: "/b", ReadOnly: true,
		NoCopy: true}, ""},
	{"volume", "", mctr.Volume{}, "want [SOURCE:]TARGET"},
	{"volume", ":/b", mctr.Volume{}, "want [SOURCE:]TARGET"},
	{"volume", "/a:", mctr.Volume{}, "want [SOURCE:]TARGET"},
	{"volume", "/a:/b:ro:rw", mctr.Volume{}, "want [SOURCE:]TARGET"},
	{"volume", "a/b:/b", mctr.Volume{}, `volume name "a/b"`},
	{"mount", "type=bind,source=/a,target=/b", mctr.Volume{Type: "bind", Source: "/a", Target: "/b"}, ""},
	{"mount", "src=/a,dst=/b,readonly", mctr.Volume{Type: "bind", Source: "/a", Target: "/b", ReadOnly: true}, ""},
	{"mount", "src=/a,destination=/b,ro=false,bind-propagation=rshared",
		mctr.Volume{Type: "bind", Source: "/a", Target: "/b", Options: []string{"rshared"}}, ""},
	{"mount", `"src=/with,comma",dst=/b`, mctr.Volume{Type: "bind", Source: "/with,comma", Target: "/b"}, ""},
	{"mount", "TYPE=tmpfs,Target=/b,tmpfs-size=1k,tmpfs-mode=700",
		mctr.Volume{Type: "tmpfs", Target: "/b", Options: []string{"size=1024", "mode=700"}}, ""},
	{"mount", "src=v,dst=/b,volume-nocopy,volume-subpath=x/y", mctr.Volume{Type: "volume", Source: "v", Target: "/b",
		NoCopy: true, SubPath: "x/y"}, ""},
	{"mount", "dst=/b", mctr.Volume{Type: "volume", Target: "/b"}, ""},
	{"mount", "src=/a,dst=/b,bind-nonrecursive", mctr.Volume{Type: "bind", Source: "/a", Target: "/b",
		Options: []string{"bind"}}, ""},
	{"mount", "", mctr.Volume{}, "--mount"},
	{"mount", "src=/a", mctr.Volume{}, "want a target"},
	{"mount", "src=/a,dst=/b,color=red", mctr.Volume{}, `unknown key "color"`},
	{"mount", "src=/a,dst=/b,ro=perhaps", mctr.Volume{}, "want true or false"},
	{"mount", "dst=/b,tmpfs-size=lots", mctr.Volume{}, "want a size"},
	{"mount", `"src=/a`, mctr.Volume{}, "--mount"},
	{"tmpfs", "/t", mctr.Volume{Type: "tmpfs", Target: "/t"}, ""},
	{"tmpfs", "/t:size=1m,ro", mctr.Volume{Type: "tmpfs", Target: "/t", ReadOnly: true, Options: []string{"size=1m"}},
		""},
}

func TestMountFlags(t *testing.T) {
	parsers := map[string]func(string) (mctr.Volume, error){
		"volume": parseVolume, "mount": parseMount, "tmpfs": parseTmpfs}
	for _, c := range mountFlags {
		got, err := parsers[c.flag](c.text)
		wantParsed(t, "--"+c.flag+" "+c.text, got, c.want, err, c.wrong)
	}
}

// wantParsed checks the value, or that the error matches ErrInvalid and has the text wrong.
func wantParsed(t *testing.T, what string, got, want any, err error, wrong string) {
	t.Helper()
	switch {
	case wrong != "" && (!errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), wrong)):
		t.Errorf("%s: %v, want %q", what, err, wrong)
	case wrong == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case wrong == "":
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
}

func TestDeviceFlag(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  mctr.Device
		wrong string
	}{
		{"/dev/a", mctr.Device{Source: "/dev/a"}, ""},
		{"/dev/a:/dev/b", mctr.Device{Source: "/dev/a", Target: "/dev/b"}, ""},
		{"/dev/a:r", mctr.Device{Source: "/dev/a", Permissions: "r"}, ""},
		{"/dev/a:/dev/b:rw", mctr.Device{Source: "/dev/a", Target: "/dev/b", Permissions: "rw"}, ""},
		{"/dev/a:/dev/b:rw:m", mctr.Device{}, "want SOURCE"},
	} {
		got, err := parseDevice(c.text)
		wantParsed(t, c.text, got, c.want, err, c.wrong)
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  int64
		wrong string
	}{
		{"", 0, ""}, {"1", 1, ""}, {"1k", 1 << 10, ""}, {"64m", 64 << 20, ""}, {"1.5g", 3 << 29, ""},
		{"2GiB", 2 << 30, ""},
		{"-1", 0, "want a size"}, {"lots", 0, "want a size"}, {"1x", 0, "want a size"},
		{"9999999999999g", 0, "want a size"}, {"1e30", 0, "want a size"},
	} {
		got, err := Size("--size", c.text)
		wantParsed(t, c.text, got, c.want, err, c.wrong)
	}
}

func TestTimes(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for _, c := range []struct {
		text  string
		want  time.Time
		wrong string
	}{
		{"", time.Time{}, ""},
		{"10m", now.Add(-10 * time.Minute), ""},
		{"1600000000", time.Unix(1600000000, 0), ""},
		{"1600000000.123456789", time.Unix(1600000000, 123456789), ""},
		{"1600000000.5", time.Unix(1600000000, 5e8), ""},
		{"2026-01-02T03:04:05.000000006Z", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), ""},
		{"2026-01-02T03:04:05", time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), ""},
		{"2026-01-02T03:04", time.Date(2026, 1, 2, 3, 4, 0, 0, time.Local), ""},
		{"2026-01-02", time.Date(2026, 1, 2, 0, 0, 0, 0, time.Local), ""},
		{"0", time.Unix(0, 0), ""}, {"NaN", time.Time{}, "--since NaN"}, {"1e300", time.Time{}, "want"},
		{"-5", time.Time{}, "want"}, {"1.-5", time.Time{}, "want"},
		{"yesterday", time.Time{}, "want"}, {"99999999999999999999", time.Time{}, "want"},
	} {
		got, err := ParseTime("--since", c.text, now)
		if err == nil && c.wrong == "" && got.Equal(c.want) {
			continue
		}
		wantParsed(t, c.text, got, c.want, err, c.wrong)
	}
}

// parsedConfig returns the config of flags of run.
func parsedConfig(args ...string) (*mctr.ContainerConfig, error) {
	l := &Launch{}
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.SetOutput(&bytes.Buffer{})
	l.Register(f)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	return l.Config(f, "image", nil)
}

func TestLimitFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		get  func(*mctr.ContainerConfig) any
		want any
	}{
		{"--ulimit nofile=10:20", func(c *mctr.ContainerConfig) any { return c.Rlimits[0] },
			mctr.Rlimit{Type: "nofile", Soft: 10, Hard: 20}},
		{"--ulimit core=0", func(c *mctr.ContainerConfig) any { return c.Rlimits[0] }, mctr.Rlimit{Type: "core"}},
		{"--cpus 0.29", func(c *mctr.ContainerConfig) any { return *c.Resources.CPU.Quota }, int64(29000)},
		{"--cpu-quota 5000 --cpu-period 10000", func(c *mctr.ContainerConfig) any { return *c.Resources.CPU.Period },
			uint64(10000)},
		{"-m 64m", func(c *mctr.ContainerConfig) any { return *c.Resources.Memory.Limit }, int64(64 << 20)},
		{"-m 64m --memory-swap -1", func(c *mctr.ContainerConfig) any { return *c.Resources.Memory.Swap }, int64(-1)},
		{"--pids-limit 0", func(c *mctr.ContainerConfig) any { return *c.Resources.Pids }, int64(-1)},
		{"--oom-score-adj -5", func(c *mctr.ContainerConfig) any { return *c.Resources.Memory.OOMScoreAdj }, -5},
		{"--device-read-bps /dev/sda:1m", func(c *mctr.ContainerConfig) any { return c.Resources.BlockIO.Throttles[0] },
			mctr.IOThrottle{Device: "/dev/sda", Kind: "read-bps", Rate: 1 << 20}},
		{"--device-write-iops /dev/sda:7", func(c *mctr.ContainerConfig) any {
			return c.Resources.BlockIO.Throttles[0]
		}, mctr.IOThrottle{Device: "/dev/sda", Kind: "write-iops", Rate: 7}},
		{"--blkio-weight-device /dev/sda:7", func(c *mctr.ContainerConfig) any {
			return c.Resources.BlockIO.Weights[0]
		}, mctr.IODevWeight{Device: "/dev/sda", Weight: 7}},
		{"--entrypoint=", func(c *mctr.ContainerConfig) any { return *c.Process.Entrypoint }, []string{}},
		{"--sysctl a.b=c --annotation x", func(c *mctr.ContainerConfig) any { return c.Sysctls["a.b"] }, "c"},
		{"--log-opt max-size=-1", func(c *mctr.ContainerConfig) any { return c.Log },
			mctr.LogConfig{Driver: "cri", MaxSize: -1}},
		{"--log-opt max-size=1k --log-opt max-file=2", func(c *mctr.ContainerConfig) any { return c.Log },
			mctr.LogConfig{Driver: "cri", MaxSize: 1024, MaxFiles: 2}},
		{"--stop-timeout 3", func(c *mctr.ContainerConfig) any { return c.StopTime() }, 3 * time.Second},
		{"--stop-timeout 0", func(c *mctr.ContainerConfig) any { return c.StopTime() }, time.Duration(0)},
		{"--stop-timeout -1", func(c *mctr.ContainerConfig) any { return c.StopTime() }, mctr.Forever},
		{"--init", func(c *mctr.ContainerConfig) any { return c.StopTime() }, mctr.DefaultStopTime},
	} {
		config, err := parsedConfig(strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if got := c.get(config); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v, want %#v", c.args, got, c.want)
		}
	}
}

func TestLimitFlagsRefused(t *testing.T) {
	for _, args := range []string{
		"--ulimit nofile", "--ulimit bogus=1", "--ulimit nofile=20:10", "--cpus 0", "--cpus -1", "--cpus NaN",
		"--cpus Inf", "--cpus 1 --cpu-quota 5", "--memory x", "--memory-swap -2", "--shm-size -1",
		"--device-read-bps /dev/sda", "--device-read-bps :1", "--device-read-iops /dev/sda:1m",
		"--device-read-iops /dev/sda:-1", "--blkio-weight-device x", "--blkio-weight 70000", "--pids-limit many",
		"--sysctl novalue", "--label =x", "--security-opt bogus", "--security-opt seccomp=/no/such/file",
		"--log-opt max-size=x", "--log-opt max-size=0", "--log-opt max-size=-2", "--log-opt max-file=0",
		"--max-completion-time soon", "--stop-timeout x", "--env-file /no/such/file", "--label-file /no/such/file",
	} {
		if _, err := parsedConfig(strings.Fields(args)...); err == nil {
			t.Errorf("%s is taken", args)
		} else if name, _,
			_ := strings.Cut(args, " "); !strings.Contains(err.Error(), strings.TrimLeft(name, "-")) &&
			!strings.Contains(err.Error(), "--cpus") {
			t.Errorf("%s: the error does not name it: %v", args, err)
		}
	}
}

func FuzzMountFlags(f *testing.F) {
	for _, c := range mountFlags {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for flag, parse := range map[string]func(string) (mctr.Volume, error){
			"volume": parseVolume, "mount": parseMount} {
			m, err := parse(text)
			if err != nil && !errors.Is(err, mctr.ErrInvalid) {
				t.Errorf("--%s %q: %v does not match ErrInvalid", flag, text, err)
			}
			if err == nil && m.Target == "" {
				t.Errorf("--%s %q: no target", flag, text)
			}
		}
	})
}

func FuzzTime(f *testing.F) {
	for _, seed := range []string{"", "10m", "1.5", "2026-01-02", "NaN", "-1h", "0.999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTime("--since", text, time.Unix(1700000000, 0))
		if err != nil && !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: %v does not match ErrInvalid", text, err)
		}
		if err == nil && (got.Year() > 9999+293 || got.Year() < -293) {
			t.Errorf("%q: the year %d", text, got.Year())
		}
	})
}
