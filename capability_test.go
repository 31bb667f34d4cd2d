package mctr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

const (
	every   = 1<<41 - 1 // of Linux 5.9 and later
	sysTime = 1 << 25
)

// TestDefaultCapabilities compares with what docker gives a container
// (capability names as its documentation lists them).
func TestDefaultCapabilities(t *testing.T) {
	want := "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP" +
		" CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SYS_CHROOT CAP_MKNOD CAP_AUDIT_WRITE CAP_SETFCAP"
	got, err := mctr.Security{}.Capabilities(every)
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %q, %v, want %s", got, err, want)
	}
}

func TestCapabilities(t *testing.T) {
	for _, c := range []struct {
		name     string
		s        mctr.Security
		bounding uint64
		count    int
		has, not string
	}{
		{"default", mctr.Security{}, every, 14, "CAP_CHOWN", "CAP_SYS_ADMIN"},
		{"add in any spelling", mctr.Security{CapAdd: []string{"net_admin", "CAP_SYS_TIME", "Sys_Ptrace"}}, every, 17,
			"CAP_NET_ADMIN", "CAP_SYS_ADMIN"},
		{"drop", mctr.Security{CapDrop: []string{"chown"}}, every, 13, "CAP_KILL", "CAP_CHOWN"},
		{"drop what is not there", mctr.Security{CapDrop: []string{"SYS_TIME"}}, every, 14, "CAP_KILL", "CAP_SYS_TIME"},
		{"add all", mctr.Security{CapAdd: []string{"all"}}, every, 41, "CAP_CHECKPOINT_RESTORE", ""},
		{"add all but one", mctr.Security{CapAdd: []string{"ALL"}, CapDrop: []string{"MKNOD"}}, every, 40,
			"CAP_SYS_ADMIN", "CAP_MKNOD"},
		{"drop all", mctr.Security{CapDrop: []string{"ALL"}}, every, 0, "", "CAP_CHOWN"},
		{"drop all but one", mctr.Security{CapAdd: []string{"NET_RAW"}, CapDrop: []string{"ALL"}}, every, 1,
			"CAP_NET_RAW", "CAP_CHOWN"},
		{"add wins", mctr.Security{CapAdd: []string{"SYS_TIME"}, CapDrop: []string{"SYS_TIME"}}, every, 15,
			"CAP_SYS_TIME", ""},
		{"add wins in the default set",
			mctr.Security{CapAdd: []string{"CAP_CHOWN"}, CapDrop: []string{"chown", "KILL"}}, every, 13, "CAP_CHOWN",
			"CAP_KILL"},
		{"add wins over all and itself", mctr.Security{CapAdd: []string{"CHOWN"}, CapDrop: []string{"ALL", "CHOWN"}},
			every, 1, "CAP_CHOWN", "CAP_KILL"},
		{"drop wins over add all", mctr.Security{CapAdd: []string{"ALL", "CHOWN"}, CapDrop: []string{"CHOWN"}}, every,
			40, "CAP_KILL", "CAP_CHOWN"},
		{"add all wins over drop all", mctr.Security{CapAdd: []string{"ALL"}, CapDrop: []string{"ALL"}}, every, 41,
			"CAP_SYS_ADMIN", ""},
		{"privileged wins over drop all", mctr.Security{Privileged: true, CapDrop: []string{"ALL"}}, every, 41,
			"CAP_SYS_ADMIN", ""},
		{"privileged", mctr.Security{Privileged: true}, every, 41, "CAP_SYS_ADMIN", ""},
		{"privileged but one", mctr.Security{Privileged: true, CapDrop: []string{"SYS_BOOT"}}, every, 40,
			"CAP_SYS_ADMIN", "CAP_SYS_BOOT"},
		{"bounded", mctr.Security{Privileged: true}, every &^ sysTime, 40, "CAP_SYS_ADMIN", "CAP_SYS_TIME"},
		{"an old kernel", mctr.Security{CapAdd: []string{"ALL"}}, 1<<38 - 1, 38, "CAP_AUDIT_READ", "CAP_PERFMON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.s.Capabilities(c.bounding)
			if err != nil {
				t.Fatal(err)
			}
			all := " " + strings.Join(got, " ") + " "
			if len(got) != c.count || c.has != "" && !strings.Contains(all, " "+c.has+" ") ||
				c.not != "" && strings.Contains(all, " "+c.not+" ") {
				t.Errorf("got %d: %s; want %d with %q and without %q", len(got), all, c.count, c.has, c.not)
			}
		})
	}
}

func TestCapabilitiesRefused(t *testing.T) {
	for _, c := range []struct {
		name, flag string
		s          mctr.Security
		bounding   uint64
		want       error
	}{
		{"unknown add", "security.cap_add NET_EVERYTHING", mctr.Security{CapAdd: []string{"NET_EVERYTHING"}}, every,
			mctr.ErrInvalid},
		{"unknown drop", "security.cap_drop CAP_", mctr.Security{CapDrop: []string{"CAP_"}}, every, mctr.ErrInvalid},
		{"empty", "security.cap_add", mctr.Security{CapAdd: []string{""}}, every, mctr.ErrInvalid},
		{"not ours to give", "security.cap_add SYS_TIME", mctr.Security{CapAdd: []string{"sys_time"}}, every &^ sysTime,
			mctr.ErrUnsupported},
	} {
		_, err := c.s.Capabilities(c.bounding)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.flag) {
			t.Errorf("%s: %v, want %v that names %s", c.name, err, c.want, c.flag)
		}
	}
}
