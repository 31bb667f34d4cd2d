package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/cni/calico"
)

// An app is what every command shares.
type app struct {
	root       string
	network    string
	configDirs []string
	calicoctl  string
	timeout    time.Duration
}

func (a *app) register(f *pflag.FlagSet) {
	f.StringVar(&a.network, "network", "", "CNI `NETWORK` of Calico's (default: the only one)")
	dirs := filepath.SplitList(os.Getenv("MCTR_CNI_CONFIG_DIR"))
	if len(dirs) == 0 {
		dirs = cni.DefaultConfigDirs
	}
	f.StringVar(&a.root, "root", cmp.Or(os.Getenv("MCTR_ROOT"), "/var/lib/mctr"),
		"mctr's `DIR` for what survives a reboot")
	f.StringSliceVar(&a.configDirs, "cni-config-dir", dirs, "`DIR` with CNI networks")
	f.StringVar(&a.calicoctl, "calicoctl", os.Getenv("MCTR_CALICOCTL"),
		"`PROGRAM` of Calico's (default: calicoctl beside mctr, in calico beside it, or in PATH)")
	f.DurationVar(&a.timeout, "timeout", calico.DefaultTimeout, "what calicoctl has for one command")
}

// client is of the network's datastore.
func (a *app) client() (*calico.Client, error) {
	network, err := a.findNetwork()
	if err != nil {
		return nil, err
	}
	program, err := a.program()
	if err != nil {
		return nil, err
	}
	return &calico.Client{Program: program, Datastore: network.datastore, Timeout: a.timeout}, nil
}

// program is calicoctl: the one asked for, the one beside this program, or PATH's.
func (a *app) program() (string, error) {
	if a.calicoctl != "" {
		return a.calicoctl, nil
	}
	if self, err := os.Executable(); err == nil {
		for _, place := range []string{"calicoctl", "calico/calicoctl"} {
			beside := filepath.Join(filepath.Dir(self), place)
			if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
				return beside, nil
			}
		}
	}
	program, err := exec.LookPath("calicoctl")
	if err != nil {
		return "", fmt.Errorf("%w: calicoctl is neither beside this program nor in PATH (--calicoctl names it; "+
			"docs/calico.md says where to get it)", mctr.ErrNotFound)
	}
	return program, nil
}
