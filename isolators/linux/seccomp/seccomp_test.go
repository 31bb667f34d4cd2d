package seccomp_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/linux/seccomp"
)

const custom = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}`

func config(s mctr.Security) mctr.ContainerConfig { return mctr.ContainerConfig{Security: s} }

func TestConformance(t *testing.T) {
	c := config(mctr.Security{Seccomp: custom})
	isolatortest.Run(t, seccomp.New, &c)
}

func TestCheck(t *testing.T) {
	var refusals []isolatortest.Refusal
	for _, profile := range []string{
		"{", "[]", "not json", "null", "{}", `{"defaultAction":1}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}`,
	} {
		refusals = append(refusals, isolatortest.Refusal{
			Config: config(mctr.Security{Seccomp: profile}), Is: mctr.ErrInvalid, Field: "security.seccomp",
		})
	}
	isolatortest.Refuses(t, seccomp.New(), refusals)
	isolatortest.Accepts(t, seccomp.New(),
		config(mctr.Security{Seccomp: custom}), config(mctr.Security{Seccomp: "unconfined"}),
		config(mctr.Security{Privileged: true}))
}

func filter(t *testing.T, s mctr.Security) *specs.LinuxSeccomp {
	t.Helper()
	a := isolatortest.Prepared(t, seccomp.New(), config(s))
	if a.Spec.Linux == nil {
		return nil
	}
	return a.Spec.Linux.Seccomp
}

// allows reports whether the filter allows call with any arguments.
func allows(f *specs.LinuxSeccomp, call string) bool {
	return slices.ContainsFunc(f.Syscalls, func(s specs.LinuxSyscall) bool {
		return s.Action == specs.ActAllow && len(s.Args) == 0 && slices.Contains(s.Names, call)
	})
}

// TestDefault checks that the default is docker's profile, adapted to the capabilities.
func TestDefault(t *testing.T) {
	admin := mctr.Security{CapAdd: []string{"SYS_ADMIN"}}
	for _, c := range []struct {
		call         string
		plain, admin bool
	}{
		{"read", true, true}, {"clone3", false, true}, {"mount", false, true}, {"bpf", false, true},
		{"init_module", false, false}, {"kexec_load", false, false}, {"keyctl", false, false}, {"chroot", true, true},
	} {
		if got := allows(filter(t, mctr.Security{}), c.call); got != c.plain {
			t.Errorf("plain: %s is allowed: %t", c.call, got)
		}
		if got := allows(filter(t, admin), c.call); got != c.admin {
			t.Errorf("SYS_ADMIN: %s is allowed: %t", c.call, got)
		}
	}
	if allows(filter(t, mctr.Security{CapDrop: []string{"SYS_CHROOT"}}), "chroot") {
		t.Error("chroot is allowed without SYS_CHROOT")
	}
	if f := filter(t, mctr.Security{}); f.DefaultAction != specs.ActErrno {
		t.Errorf("the default action is %s", f.DefaultAction)
	}
}

func TestNone(t *testing.T) {
	for _, s := range []mctr.Security{{Seccomp: "unconfined"}, {Privileged: true},
		{Privileged: true, Seccomp: "unconfined"}} {
		if f := filter(t, s); f != nil {
			t.Errorf("%+v has a filter", s)
		}
	}
}

// TestCustom checks that a custom profile is used unchanged, also for a privileged container.
func TestCustom(t *testing.T) {
	for _, s := range []mctr.Security{{Seccomp: custom}, {Seccomp: custom, Privileged: true}} {
		got := isolatortest.JSON(t, filter(t, s).Syscalls)
		if want := `[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzProfile checks that any profile is either refused with ErrInvalid or prepared.
func FuzzProfile(f *testing.F) {
	for _, seed := range []string{
		custom, "", "{}", "null", "{",
		`{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],"syscalls":[{"name":"read","action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8","caps":["CAP_SYS_ADMIN"]}}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, profile string) {
		c := config(mctr.Security{Seccomp: profile})
		if err := seccomp.New().Check(t.Context(), &c); err != nil {
			if !errors.Is(err, mctr.ErrInvalid) {
				t.Errorf("%q: %v, want ErrInvalid", profile, err)
			}
			return
		}
		if _, err := seccomp.New().Prepare(t.Context(), &mctr.Container{Config: &c}); err != nil {
			t.Errorf("%q passes Check, and Prepare says %v", profile, err)
		}
	})
}

// TestSocketFamilies checks that docker's list of socket families is refused: those that only add
// attack surface (AF_ALG), that reach the host past its network namespace (AF_VSOCK), or that
// current kernels no longer have.
func TestSocketFamilies(t *testing.T) {
	allowed := func(family uint64) bool {
		for _, s := range filter(t, mctr.Security{}).Syscalls {
			if !slices.Contains(s.Names, "socket") || s.Action != specs.ActAllow {
				continue
			}
			a := s.Args[0]
			if a.Op == specs.OpEqualTo && family == a.Value || a.Op == specs.OpLessThan && family < a.Value ||
				a.Op == specs.OpGreaterThan && family > a.Value {
				return true
			}
		}
		return false
	}
	for family, want := range map[uint64]bool{
		unix.AF_UNIX: true, unix.AF_INET: true, unix.AF_INET6: true, unix.AF_NETLINK: true, unix.AF_PACKET: true,
		unix.AF_AX25: false, unix.AF_ALG: false, unix.AF_VSOCK: false, unix.AF_ISDN: false, unix.AF_MAX: false,
	} {
		if got := allowed(family); got != want {
			t.Errorf("family %d: allowed is %t, want %t", family, got, want)
		}
	}
}
