package cni_test

import (
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	network "github.com/mctr/mctr/isolators/network/cni"
)

func newIsolator() isolators.Isolator {
	return newOf(func(id mctr.ContainerID) string { return "isolatortest/" + string(id) }, usage.NewMeter())
}

func newOf(cgroupOf func(mctr.ContainerID) string, meter *usage.Meter) isolators.Isolator {
	nowhere := func(mctr.ContainerID) string { return "/nowhere" }
	return network.New(network.Deps{Networks: cni.New(cni.Config{Root: "/nowhere", State: "/nowhere"}), CgroupOf: cgroupOf, DirOf: nowhere, Meter: meter})
}

func config(name, image string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Network: name, Image: image}
}

func TestConformance(t *testing.T) {
	host, imageless := config("host", "test"), config("host", "")
	isolatortest.Run(t, newIsolator, &host, &imageless)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, newIsolator(), []isolatortest.Refusal{
		{Config: config("bridge", ""), Is: mctr.ErrInvalid, Flag: "--network bridge"},
		{Config: config("container:x", ""), Is: mctr.ErrInvalid, Flag: "--network container:x"},
	})
	isolatortest.Accepts(t, newIsolator(), config("", ""), config("none", ""), config("host", ""))
}

func TestPrepare(t *testing.T) {
	for _, name := range []string{"", "none"} {
		if got := isolatortest.JSON(t, isolatortest.Prepared(t, newIsolator(), config(name, "test")).Spec.Linux); got != `{"namespaces":[{"type":"network"}]}` {
			t.Errorf("%q: %s", name, got)
		}
	}
	a := isolatortest.Prepared(t, newIsolator(), config("host", "test"))
	const want = `[{"destination":"/etc/hosts","type":"bind","source":"/etc/hosts","options":["rbind","ro","rprivate"]},` +
		`{"destination":"/etc/resolv.conf","type":"bind","source":"/etc/resolv.conf","options":["rbind","ro","rprivate"]}]`
	if got := isolatortest.JSON(t, a.Spec.Mounts); got != want || a.Spec.Linux != nil {
		t.Errorf("host: got %s, want %s", got, want)
	}
	if a := isolatortest.Prepared(t, newIsolator(), config("host", "")); a.Spec.Mounts != nil || a.Spec.Linux != nil {
		t.Errorf("host without an image: %+v", a.Spec)
	}
}
