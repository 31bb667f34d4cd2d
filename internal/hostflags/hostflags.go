// Package hostflags registers the flags by which the command lines of mctr and mctr-agent
// say how the host is opened: its directories, registries, CNI plugins, control groups and
// log. It creates nothing.
package hostflags

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/internal/logflags"
)

// Flags are the flags as they were typed. The zero value has the defaults of package host.
type Flags struct {
	host.Config
	LogLevel, LogFormat string
}

// Words are what differs between programs in the help of the flags.
type Words struct {
	Program       string // the program's name
	LogLevel      string // before the levels
	CgroupManager string // behind the managers
}

// Register adds the flags to set. What f holds before are their defaults.
func (f *Flags) Register(set *pflag.FlagSet, w Words) {
	set.StringVar(&f.Root, "root", cmp.Or(f.Root, host.DefaultRoot),
		"directory for what survives a reboot: images, logs, records")
	set.StringVar(&f.State, "state", cmp.Or(f.State, host.DefaultState), "directory for what ends with the boot")
	set.StringVar(&f.LogLevel, "log-level", f.LogLevel, w.LogLevel+"debug, info, warn, error")
	set.StringVar(&f.LogFormat, "log-format", cmp.Or(f.LogFormat, "text"), "text or json")
	set.StringSliceVar(&f.PlainHTTP, "plain-http", f.PlainHTTP,
		"registry `HOST[:PORT]` to speak http with (loopback ones need no asking)")
	set.StringSliceVar(&f.HostsDirs, "hosts-dir", f.HostsDirs,
		"`DIR` with HOST/hosts.toml for registries (default /etc/mctr/certs.d, /etc/containerd/certs.d)")
	set.StringSliceVar(&f.CNIConfigDirs, "cni-config-dir", f.CNIConfigDirs,
		"`DIR` with CNI networks of the operator's (default /etc/cni/net.d)")
	set.StringSliceVar(&f.CNIPluginDirs, "cni-plugin-dir", f.CNIPluginDirs,
		"`DIR` with CNI plugins (default cni beside "+w.Program+", /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni)")
	set.DurationVar(&f.CNITimeout, "cni-timeout", cmp.Or(f.CNITimeout, cni.DefaultTimeout),
		"what a CNI plugin has for one command")
	set.StringVar(&f.CgroupManager, "cgroup-manager", f.CgroupManager,
		"who makes control groups: cgroupfs, which is mctr itself, or systemd, a scope for each container with what "+
			"is nested in it"+w.CgroupManager)
	set.StringVar(&f.Backend, "backend", f.Backend,
		"how layers become a filesystem: overlay or copy (default: what works here)")
}

// TakeLog has the host log to w. The error names the flag.
func (f *Flags) TakeLog(w io.Writer) (err error) {
	f.Log, err = logflags.Handler(w, f.LogLevel, f.LogFormat)
	return err
}

// Open resolves the directories. The error names the flag.
func (f *Flags) Open() (*host.Host, error) {
	for _, dir := range [][2]string{{"root", f.Root}, {"state", f.State}} {
		if dir[1] == "" { // to package host it is the default
			return nil, fmt.Errorf("--%s: %w: a directory must not be empty", dir[0], mctr.ErrInvalid)
		}
	}
	h, err := host.Open(f.Config)
	if err != nil {
		return nil, fmt.Errorf("--%w", err) // host names the field: root or state
	}
	return h, nil
}
