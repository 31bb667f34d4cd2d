package sysctl_test

import (
	"errors"
	"strings"
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

// TestNamespaces checks that each parameter is accepted if its namespace is the container's own,
// and refused if it is the host's.
func TestNamespaces(t *testing.T) {
	shared := []struct {
		flag  string
		share func(c *mctr.ContainerConfig, mode string)
		keys  []string
	}{
		{"namespaces.ipc", func(c *mctr.ContainerConfig, mode string) { c.Namespaces.IPC = mode }, []string{
			"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
			"kernel.shmmni", "kernel.shm_rmid_forced", "fs.mqueue.msg_max", "kernel/shmmax", "fs/mqueue/queues_max",
		}},
		{"namespaces.uts", func(c *mctr.ContainerConfig, mode string) { c.Namespaces.UTS = mode },
			[]string{"kernel.domainname", "kernel/domainname"}},
		{"config.network", func(c *mctr.ContainerConfig, mode string) { c.Network = mode }, []string{
			"net.ipv4.ip_forward", "net/ipv4/conf/eth0.5/rp_filter", "net.core.somaxconn",
		}},
	}
	for _, s := range shared {
		for _, key := range s.keys {
			isolatortest.Accepts(t, sysctl.New(), *asking(key))
			for _, mode := range []string{"host", "parent"} {
				c := asking(key)
				s.share(c, mode)
				isolatortest.Refuses(t, sysctl.New(), []isolatortest.Refusal{
					{Config: *c, Is: mctr.ErrInvalid, Field: "config.sysctls " + key + ": the "},
					{Config: *c, Is: mctr.ErrInvalid, Field: s.flag + " " + mode},
				})
			}
			nested := isolatortest.NewContainer(t, *asking(key))
			nested.ID += ".child"
			if _, err := sysctl.New().Prepare(t.Context(), nested); !errors.Is(err, mctr.ErrInvalid) ||
				!strings.Contains(err.Error(), s.flag+" parent") {
				t.Errorf("%s of a nested container: %v", key, err)
			}
			s.share(nested.Config, "private")
			if _, err := sysctl.New().Prepare(t.Context(), nested); err != nil {
				t.Errorf("%s of a nested container with namespaces of its own: %v", key, err)
			}
		}
	}
}

// TestOfTheHost checks that a parameter of no namespace is refused, however it is written.
func TestOfTheHost(t *testing.T) {
	for key, why := range map[string]string{
		"vm.swappiness": "on the host", "vm/swappiness": "on the host", "kernel.panic": "on the host",
		"user.max_user_namespaces": "on the host",
		"fs.file-max":              "on the host", "netx.a": "on the host", "net": "on the host", "": "on the host",
		"kernel.shmmax.x": "on the host",
		"kernel.hostname": "config.hostname", "kernel/hostname": "config.hostname",
	} {
		isolatortest.Refuses(t, sysctl.New(), []isolatortest.Refusal{
			{Config: *asking(key), Is: mctr.ErrInvalid, Field: "config.sysctls " + key},
			{Config: *asking(key), Is: mctr.ErrInvalid, Field: why},
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
