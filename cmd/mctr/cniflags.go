package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr/cni"
)

// cniFlags say where CNI networks and plugins are.
type cniFlags struct {
	configDirs, pluginDirs []string
	timeout                time.Duration
	opened                 *cni.Networks
}

func (c *cniFlags) register(f *pflag.FlagSet) {
	f.StringSliceVar(&c.configDirs, "cni-config-dir", list("MCTR_CNI_CONFIG_DIR"),
		"`DIR` with CNI networks of the operator's (default /etc/cni/net.d)")
	f.StringSliceVar(&c.pluginDirs, "cni-plugin-dir", list("MCTR_CNI_PLUGIN_DIR"),
		"`DIR` with CNI plugins (default cni beside mctr, /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni)")
	f.DurationVar(&c.timeout, "cni-timeout", cni.DefaultTimeout, "what a CNI plugin has for one command")
}

// arguments are the flags by which another mctr, in whatever directory and environment,
// finds the same plugins.
func (c *cniFlags) arguments() []string {
	flags := []string{"--cni-timeout", c.timeout.String()}
	for _, dir := range c.pluginDirs {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		flags = append(flags, "--cni-plugin-dir", dir)
	}
	return flags
}

// list is the variable's value, a path's form, or nothing.
func list(variable string) []string { return filepath.SplitList(os.Getenv(variable)) }

// networks are the CNI networks of this root.
func (a *app) networks() *cni.Networks {
	if a.cni.opened == nil {
		a.cni.opened = cni.New(cni.Config{
			Root: filepath.Join(a.root, "cni"), State: filepath.Join(a.state, "cni"),
			ConfigDirs: a.cni.configDirs, PluginDirs: a.cni.pluginDirs, Timeout: a.cni.timeout, Log: a.log,
		})
	}
	return a.cni.opened
}
