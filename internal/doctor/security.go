package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	host "github.com/mctr/mctr/internal/kernel"
)

func security(Host) []Finding {
	var err error
	if os.Geteuid() != 0 {
		err = fmt.Errorf("this process is run by user %d", os.Geteuid())
	}
	found := []Finding{answer("security", "root", err, "", Broken, "run mctr as root")}
	for _, c := range capabilities {
		var err error
		if !host.HasCapability(c.number) {
			err = errors.New("this process lacks it")
		}
		found = append(found, answer("security", c.name, err, "", c.without, c.remedy))
	}
	err = nil
	if !host.Seccomp() {
		err = errors.New("the kernel does not support seccomp filters")
	}
	found = append(found,
		answer("security", "seccomp", err, "", Missing,
			"a kernel with CONFIG_SECCOMP_FILTER, or --security-opt seccomp=unconfined"))
	_, err = os.Stat("/sys/kernel/security/apparmor")
	return append(found,
		answer("security", "AppArmor", err, "", Missing,
			"boot with apparmor=1 (containers run without a profile otherwise)"))
}

var capabilities = []struct {
	name, without, remedy string
	number                int
}{
	{"CAP_SYS_ADMIN", Broken, "run mctr with it: it mounts, and enters namespaces", unix.CAP_SYS_ADMIN},
	{"CAP_NET_ADMIN", Missing, "run mctr with it: networks need it", unix.CAP_NET_ADMIN},
	{"CAP_SYS_RESOURCE", Missing,
		"run mctr with it: otherwise --ulimit above mctr's own limits and a lower --oom-score-adj are refused",
		unix.CAP_SYS_RESOURCE},
	{"CAP_SYS_PTRACE", Missing, "run mctr with it", unix.CAP_SYS_PTRACE},
}

// defaultPlugins are the plugins of the default network.
var defaultPlugins = []string{"bridge", "host-local", "portmap", "firewall", "bandwidth"}

func gpus(Host) []Finding {
	devices, _ := filepath.Glob("/dev/nvidia[0-9]*")
	var err error
	if len(devices) == 0 {
		err = errors.New("no /dev/nvidia0")
	}
	return []Finding{answer("gpu", "NVIDIA", err, strings.Join(devices, " "), Missing,
		"install NVIDIA's driver if this host has an NVIDIA GPU")}
}
