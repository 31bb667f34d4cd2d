package hostflags_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/internal/hostflags"
)

func parsed(t *testing.T, f *hostflags.Flags, args ...string) *hostflags.Flags {
	t.Helper()
	set := pflag.NewFlagSet("program", pflag.ContinueOnError)
	f.Register(set, hostflags.Words{Program: "program"})
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestDefaults: a flag's default is the value that the flags held before, or else the default of
// package host.
func TestDefaults(t *testing.T) {
	f := parsed(t, &hostflags.Flags{LogLevel: "warn", Config: host.Config{State: "/s", PlainHTTP: []string{"a", "b"}}})
	if f.Root != host.DefaultRoot || f.State != "/s" || f.CNITimeout != cni.DefaultTimeout || f.LogFormat != "text" ||
		len(f.PlainHTTP) != 2 {
		t.Errorf("%+v", f)
	}
	f = parsed(t, &hostflags.Flags{LogLevel: "warn", Config: host.Config{PlainHTTP: []string{"a", "b"}}},
		"--root", "/r", "--plain-http", "c", "--cgroup-manager", "systemd")
	if f.Root != "/r" || len(f.PlainHTTP) != 1 || f.CgroupManager != "systemd" {
		t.Errorf("%+v", f)
	}
}

// TestErrorsNameFlags: an error names the invalid flag.
func TestErrorsNameFlags(t *testing.T) {
	for _, flag := range []string{"--root", "--state"} {
		if _, err := parsed(t, &hostflags.Flags{}, flag, "").Open(); !errors.Is(err, mctr.ErrInvalid) ||
			!strings.HasPrefix(err.Error(), flag+": ") {
			t.Errorf("%s: %v", flag, err)
		}
	}
	err := parsed(t, &hostflags.Flags{}, "--log-level", "loud").TakeLog(io.Discard)
	if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "--log-level loud") {
		t.Error(err)
	}
}
