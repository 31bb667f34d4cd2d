package cgroup_test

import (
	"testing"

	"github.com/mctr/mctr"
	hostcgroup "github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/namespaces/cgroup"
)

func config(ns string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Namespaces: mctr.Namespaces{Cgroup: ns}}
}

func TestConformance(t *testing.T) {
	private := config("private")
	isolatortest.Run(t, cgroup.New, &private)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, cgroup.New(),
		[]isolatortest.Refusal{{Config: config("mine"), Is: mctr.ErrInvalid, Field: "namespaces.cgroup mine"}})
	isolatortest.Accepts(t, cgroup.New(), config(""), config("host"), config("private"))
}

// TestPrepare checks docker's default, which depends on the version of cgroups and not on
// privileges.
func TestPrepare(t *testing.T) {
	privileged := config("")
	privileged.Security.Privileged = true
	for _, c := range []struct {
		name   string
		config mctr.ContainerConfig
		want   bool
	}{
		{"default", config(""), hostcgroup.Unified()},
		{"privileged", privileged, hostcgroup.Unified()},
		{"private", config("private"), true},
		{"host", config("host"), false},
	} {
		a := isolatortest.Prepared(t, cgroup.New(), c.config)
		if got := a.Spec.Linux != nil; got != c.want {
			t.Errorf("%s: a namespace of its own: %t, want %t", c.name, got, c.want)
		}
		if a.Spec.Linux != nil {
			if got := isolatortest.JSON(t, a.Spec.Linux); got != `{"namespaces":[{"type":"cgroup"}]}` {
				t.Errorf("%s: %s", c.name, got)
			}
		}
	}
}
