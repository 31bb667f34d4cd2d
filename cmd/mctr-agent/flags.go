package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	openhost "github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/hostflags"
)

// flags has the values of the agent's flags.
type flags struct {
	hostflags.Flags
	name                         string
	listen                       []string
	metricsAddress               string
	tlsCert, tlsKey, tlsClientCA string
	tokenFile                    string
	cgroupParent                 string
	host                         *openhost.Host
	token                        *reloadable[string]      // nil: clients need no token
	certificates                 *reloadable[*tls.Config] // nil: no TLS
}

func (f *flags) register(set *pflag.FlagSet) {
	set.StringVar(&f.name, "name", "agent",
		"name of this agent; it owns the containers that it launches, and takes over those of earlier agents with "+
			"this name")
	set.StringArrayVar(&f.listen, "listen", nil,
		"`ADDRESS` to serve on, unix:///PATH or tcp://HOST:PORT; may be repeated (default: the sockets that "+
			"systemd passes, or the unix socket NAME.sock in the state directory)")
	set.StringVar(&f.metricsAddress, "metrics-address", "",
		"`HOST:PORT` to serve /metrics and /healthz on, without TLS and authentication")
	set.StringVar(&f.tlsCert, "tls-cert", "", "`FILE` with the server certificate for tcp (PEM)")
	set.StringVar(&f.tlsKey, "tls-key", "", "`FILE` with the key of the server certificate (PEM)")
	set.StringVar(&f.tlsClientCA, "tls-client-ca", "", "`FILE` with the CAs of client certificates for tcp (PEM)")
	set.StringVar(&f.tokenFile, "token-file", "",
		"`FILE` with the token for clients on tcp; only its owner may have access")
	set.StringVar(&f.cgroupParent, "cgroup-parent", "",
		"parent control `GROUP` of containers; auto: the group that systemd delegated to this service (cgroup v2); "+
			"with --cgroup-manager systemd, a slice (default system.slice)")
	f.LogLevel, f.CgroupManager = "info", cgroup.Cgroupfs
	f.Register(set, hostflags.Words{Program: "mctr-agent"})
}

// complete sets flags that are not given from the environment, and checks all flags.
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
		f.checkName, f.checkGroup, f.openHost, f.security, f.checkListen} {
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
		return fmt.Errorf("%w: --name cli: this is the owner of containers of the command line", mctr.ErrInvalid)
	}
	return nil
}

// openHost sets up the log, and the host with its directories.
func (f *flags) openHost() (err error) {
	if err := f.TakeLog(os.Stderr); err != nil {
		return err
	}
	f.host, err = f.Open()
	return err
}
