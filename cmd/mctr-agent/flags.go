package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/logflags"
)

// flags are the agent's.
type flags struct {
	name, root, state            string
	listen                       []string
	metricsAddress               string
	tlsCert, tlsKey, tlsClientCA string
	tokenFile                    string
	logLevel, logFormat          string
	plainHTTP, hostsDirs         []string
	cniConfigDirs, cniPluginDirs []string
	cniTimeout                   time.Duration
	backend                      string
	cgroupParent, cgroupManager  string
	log                          slog.Handler
	token                        *reloadable[string]      // nil: none is asked for
	certificates                 *reloadable[*tls.Config] // nil: no TLS
}

func (f *flags) register(set *pflag.FlagSet) {
	set.StringVar(&f.name, "name", "agent",
		"name of this agent: it owns the containers that it launches, and takes over those of earlier agents of its "+
			"name")
	set.StringVar(&f.root, "root", "/var/lib/mctr", "directory for what survives a reboot: images, logs, records")
	set.StringVar(&f.state, "state", "/run/mctr", "directory for what ends with the boot")
	set.StringArrayVar(&f.listen, "listen", nil,
		"`ADDRESS` to serve on, unix:///PATH or tcp://HOST:PORT; may be repeated (default: unix, NAME.sock in the "+
			"state directory, or what systemd passes)")
	set.StringVar(&f.metricsAddress, "metrics-address", "",
		"`HOST:PORT` to serve /metrics and /healthz on, without TLS and to anybody")
	set.StringVar(&f.tlsCert, "tls-cert", "", "`FILE` with the certificate for tcp (PEM)")
	set.StringVar(&f.tlsKey, "tls-key", "", "`FILE` with its key (PEM)")
	set.StringVar(&f.tlsClientCA, "tls-client-ca", "", "`FILE` with the authorities whose clients may use tcp (PEM)")
	set.StringVar(&f.tokenFile, "token-file", "",
		"`FILE` with the token that clients of tcp show; only its owner may read it")
	set.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn, error")
	set.StringVar(&f.logFormat, "log-format", "text", "text or json")
	set.StringSliceVar(&f.plainHTTP, "plain-http", nil,
		"registry `HOST[:PORT]` to speak http with (loopback ones need no asking)")
	set.StringSliceVar(&f.hostsDirs, "hosts-dir", nil,
		"`DIR` with HOST/hosts.toml for registries (default /etc/mctr/certs.d, /etc/containerd/certs.d)")
	set.StringSliceVar(&f.cniConfigDirs, "cni-config-dir", nil,
		"`DIR` with CNI networks of the operator's (default /etc/cni/net.d)")
	set.StringSliceVar(&f.cniPluginDirs, "cni-plugin-dir", nil,
		"`DIR` with CNI plugins (default cni beside mctr-agent, /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni)")
	set.DurationVar(&f.cniTimeout, "cni-timeout", cni.DefaultTimeout, "what a CNI plugin has for one command")
	set.StringVar(&f.cgroupParent, "cgroup-parent", "",
		"control `GROUP` above those of containers; auto: the one that systemd delegated to this service (cgroup "+
			"v2); with --cgroup-manager systemd, the slice (default system.slice)")
	set.StringVar(&f.cgroupManager, "cgroup-manager", "cgroupfs",
		"who makes control groups: cgroupfs, which is mctr itself, or systemd, a scope for each container with what "+
			"is nested in it")
	set.StringVar(&f.backend, "backend", "",
		"how layers become a filesystem: overlay or copy (default: what works here)")
}

// complete fills in the environment where no flag is given, and checks.
func (f *flags) complete(set *pflag.FlagSet) error {
	var err error
	set.VisitAll(func(flag *pflag.Flag) {
		name := "MCTR_AGENT_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		if value, ok := os.LookupEnv(name); ok && !flag.Changed && err == nil {
			if setErr := set.Set(flag.Name, value); setErr != nil {
				err = fmt.Errorf("%s=%s: %w", name, value, setErr)
			}
		}
	})
	if err != nil {
		return err
	}
	for _, check := range []func() error{
		f.checkName, f.checkGroup, f.directories, f.logging, f.security, f.checkListen} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (f *flags) checkName() error {
	if err := mctr.ValidateName(f.name); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	if f.name == "cli" {
		return fmt.Errorf("%w: --name cli: that is the owner of what the command line launches", mctr.ErrInvalid)
	}
	return nil
}

// directories resolves them as every program does.
func (f *flags) directories() (err error) {
	if f.root, err = dirs.Resolve(f.root); err != nil {
		return fmt.Errorf("--root: %w", err)
	}
	if f.state, err = dirs.Resolve(f.state); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}

func (f *flags) logging() (err error) {
	f.log, err = logflags.Handler(os.Stderr, f.logLevel, f.logFormat)
	return err
}
