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

// An app has the values of the global flags.
type app struct {
	root       string
	network    string
	configDirs []string
	calicoctl  string
	timeout    time.Duration
}

func (a *app) register(f *pflag.FlagSet) {
	f.StringVar(&a.network, "network", "", "CNI `NETWORK` of Calico (default: the only one)")
	dirs := filepath.SplitList(os.Getenv("MCTR_CNI_CONFIG_DIR"))
	if len(dirs) == 0 {
		dirs = cni.DefaultConfigDirs
	}
	f.StringVar(&a.root, "root", cmp.Or(os.Getenv("MCTR_ROOT"), "/var/lib/mctr"),
		"`DIR` of mctr for data that survives a reboot")
	f.StringSliceVar(&a.configDirs, "cni-config-dir", dirs, "`DIR` with CNI networks")
	f.StringVar(&a.calicoctl, "calicoctl", os.Getenv("MCTR_CALICOCTL"),
		"`PROGRAM` calicoctl (default: calicoctl or calico/calicoctl beside mctr, or in PATH)")
	f.DurationVar(&a.timeout, "timeout", calico.DefaultTimeout, "time limit for one command of calicoctl")
}

// client returns a client of the network's datastore.
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

// program returns the path of calicoctl: that of --calicoctl, or calicoctl beside this program or in
// PATH.
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
		return "", fmt.Errorf("%w: calicoctl is neither beside this program nor in PATH (name it with --calicoctl; "+
			"see docs/calico.md for where to get it)", mctr.ErrNotFound)
	}
	return program, nil
}
