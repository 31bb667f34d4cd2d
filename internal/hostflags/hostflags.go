// Package hostflags registers the flags of mctr and mctr-agent that describe the host: its
// directories, registries, CNI plugins, control groups and log. It creates nothing.
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

// Flags holds the values of the flags. The zero value has the defaults of package host.
type Flags struct {
	host.Config
	LogLevel, LogFormat string
}

// Words holds the parts of the flags' help that differ between programs.
type Words struct {
	Program       string // the program's name
	LogLevel      string // is put before the levels
	CgroupManager string // is put after the managers
}

// Register adds the flags to set. The values in f are their defaults.
func (f *Flags) Register(set *pflag.FlagSet, w Words) {
	set.StringVar(&f.Root, "root", cmp.Or(f.Root, host.DefaultRoot),
		"directory for data that survives a reboot: images, logs, records")
	set.StringVar(&f.State, "state", cmp.Or(f.State, host.DefaultState),
		"directory for data that is discarded at a reboot")
	set.StringVar(&f.LogLevel, "log-level", f.LogLevel, w.LogLevel+"debug, info, warn, error")
	set.StringVar(&f.LogFormat, "log-format", cmp.Or(f.LogFormat, "text"), "text or json")
	set.StringSliceVar(&f.PlainHTTP, "plain-http", f.PlainHTTP,
		"registry `HOST[:PORT]` to reach by plain HTTP (always allowed for loopback)")
	set.StringSliceVar(&f.HostsDirs, "hosts-dir", f.HostsDirs,
		"`DIR` with HOST/hosts.toml for registries (default /etc/mctr/certs.d, /etc/containerd/certs.d)")
	set.StringSliceVar(&f.CNIConfigDirs, "cni-config-dir", f.CNIConfigDirs,
		"`DIR` with the operator's CNI networks (default /etc/cni/net.d)")
	set.StringSliceVar(&f.CNIPluginDirs, "cni-plugin-dir", f.CNIPluginDirs,
		"`DIR` with CNI plugins (default cni beside "+w.Program+", /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni)")
	set.DurationVar(&f.CNITimeout, "cni-timeout", cmp.Or(f.CNITimeout, cni.DefaultTimeout),
		"time limit for one command of a CNI plugin")
	set.StringVar(&f.CgroupManager, "cgroup-manager", f.CgroupManager,
		"manager of control groups: cgroupfs, which is mctr itself, or systemd, with a scope for each container and "+
			"its nested containers"+w.CgroupManager)
	set.StringVar(&f.Backend, "backend", f.Backend,
		"how layers become a filesystem: overlay or copy (default: overlay if this host supports it)")
}

// TakeLog sets the host's log to w, as the flags say. The error names the flag.
func (f *Flags) TakeLog(w io.Writer) (err error) {
	f.Log, err = logflags.Handler(w, f.LogLevel, f.LogFormat)
	return err
}

// Open opens the host. The error names the flag.
func (f *Flags) Open() (*host.Host, error) {
	for _, dir := range [][2]string{{"root", f.Root}, {"state", f.State}} {
		if dir[1] == "" { // package host would take it for the default
			return nil, fmt.Errorf("--%s: %w: a directory must not be empty", dir[0], mctr.ErrInvalid)
		}
	}
	h, err := host.Open(f.Config)
	if err != nil {
		return nil, fmt.Errorf("--%w", err) // host names the field: root or state
	}
	return h, nil
}
