package uts_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/namespaces/uts"
)

func config(ns, hostname, network string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Namespaces: mctr.Namespaces{UTS: ns}, Hostname: hostname, Network: network}
}

func TestConformance(t *testing.T) {
	host := config("host", "", "")
	isolatortest.Run(t, uts.New, &host)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, uts.New(), []isolatortest.Refusal{
		{Config: config("shareable", "", ""), Is: mctr.ErrInvalid, Field: "namespaces.uts shareable"},
		{Config: config("parent", "web", ""), Is: mctr.ErrInvalid, Field: "config.hostname web"},
		{Config: config("host", "web", ""), Is: mctr.ErrInvalid, Field: "config.hostname web"},
		{Config: config("", strings.Repeat("x", 65), ""), Is: mctr.ErrInvalid, Field: "config.hostname"},
		{Config: config("", "a b", ""), Is: mctr.ErrInvalid, Field: `config.hostname "a b"`},
		{Config: config("", "a\x00", ""), Is: mctr.ErrInvalid, Field: "config.hostname"},
		{Config: config("", "a/../b", ""), Is: mctr.ErrInvalid, Field: "config.hostname"},
	})
	isolatortest.Accepts(t, uts.New(), config("", strings.Repeat("x", 64), ""), config("", "web-1.example.org", "host"),
		config("host", "", ""))
}

func TestPrepare(t *testing.T) {
	hosts, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short := isolatortest.NewContainer(t, config("", "", "")).ID.Short()
	for _, c := range []struct {
		name           string
		config         mctr.ContainerConfig
		hostname, env  string
		ownNamespaceIs bool
	}{
		{"default", config("", "", ""), short, short, true},
		{"given", config("", "web", ""), "web", "web", true},
		{"given with the host's network", config("", "web", "host"), "web", "web", true},
		{"with the host's network", config("", "", "host"), hosts, hosts, true},
		{"the host's", config("host", "", ""), "", hosts, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := isolatortest.Prepared(t, uts.New(), c.config)
			if a.Spec.Hostname != c.hostname || !slices.Equal(a.Spec.Process.Env, []string{"HOSTNAME=" + c.env}) {
				t.Errorf("hostname %q, environment %q; want %q, HOSTNAME=%s", a.Spec.Hostname, a.Spec.Process.Env,
					c.hostname, c.env)
			}
			if own := a.Spec.Linux != nil && a.Spec.Linux.Namespaces[0].Type == "uts"; own != c.ownNamespaceIs {
				t.Errorf("a namespace of its own: %t", own)
			}
		})
	}
}

// TestImageHostname checks that HOSTNAME in an image's config is not a conflict.
func TestImageHostname(t *testing.T) {
	c := isolatortest.NewContainer(t, mctr.ContainerConfig{Image: "test"})
	c.Image.Env = []string{"A=b", "HOSTNAME=mine"}
	a, err := uts.New().Prepare(t.Context(), c)
	if err != nil || len(a.Spec.Process.Env) != 0 || a.Spec.Hostname != c.ID.Short() {
		t.Errorf("got %+v, %v", a, err)
	}
}
