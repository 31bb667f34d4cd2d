package sysctl_test

import (
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/linux/sysctl"
)

func TestConformance(t *testing.T) {
	isolatortest.Run(t, sysctl.New, asking("net.ipv4.ip_forward"))
}

func asking(key string) *mctr.ContainerConfig {
	return &mctr.ContainerConfig{Sysctls: map[string]string{key: "1"}}
}

// TestNamespaces wants each parameter to be accepted where its namespace is the
// container's own, and refused where it is the host's.
func TestNamespaces(t *testing.T) {
	shared := []struct {
		flag  string
		share func(*mctr.ContainerConfig)
		keys  []string
	}{
		{"--ipc host", func(c *mctr.ContainerConfig) { c.Namespaces.IPC = "host" }, []string{
			"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
			"kernel.shm_rmid_forced", "fs.mqueue.msg_max", "kernel/shmmax", "fs/mqueue/queues_max",
		}},
		{"--uts host", func(c *mctr.ContainerConfig) { c.Namespaces.UTS = "host" }, []string{"kernel.domainname", "kernel/domainname"}},
		{"--network host", func(c *mctr.ContainerConfig) { c.Network = "host" }, []string{
			"net.ipv4.ip_forward", "net/ipv4/conf/eth0.5/rp_filter", "net.core.somaxconn",
		}},
	}
	for _, s := range shared {
		for _, key := range s.keys {
			isolatortest.Accepts(t, sysctl.New(), *asking(key))
			c := asking(key)
			s.share(c)
			isolatortest.Refuses(t, sysctl.New(), []isolatortest.Refusal{
				{Config: *c, Is: mctr.ErrInvalid, Flag: "--sysctl " + key + ": the container shares"},
				{Config: *c, Is: mctr.ErrInvalid, Flag: s.flag},
			})
		}
	}
}

// TestOfTheHost wants what no namespace has to be refused, however it is written.
func TestOfTheHost(t *testing.T) {
	for key, why := range map[string]string{
		"vm.swappiness": "on the host", "vm/swappiness": "on the host", "kernel.panic": "on the host", "user.max_user_namespaces": "on the host",
		"fs.file-max": "on the host", "netx.a": "on the host", "net": "on the host", "": "on the host", "kernel.shmmax.x": "on the host",
		"kernel.hostname": "--hostname", "kernel/hostname": "--hostname",
	} {
		isolatortest.Refuses(t, sysctl.New(), []isolatortest.Refusal{
			{Config: *asking(key), Is: mctr.ErrInvalid, Flag: "--sysctl " + key},
			{Config: *asking(key), Is: mctr.ErrInvalid, Flag: why},
		})
	}
}

func TestPrepare(t *testing.T) {
	a := isolatortest.Prepared(t, sysctl.New(), *asking("kernel.shmmax"))
	if got := isolatortest.JSON(t, a.Spec.Linux.Sysctl); got != `{"kernel.shmmax":"1"}` {
		t.Error(got)
	}
	if a := isolatortest.Prepared(t, sysctl.New(), mctr.ContainerConfig{}); a.Spec.Linux != nil {
		t.Errorf("without parameters: %+v", a.Spec.Linux)
	}
}
