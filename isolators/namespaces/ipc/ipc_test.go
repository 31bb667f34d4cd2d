package ipc_test

import (
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/namespaces/ipc"
)

func config(ns string, shm int64) mctr.ContainerConfig {
	return mctr.ContainerConfig{Namespaces: mctr.Namespaces{IPC: ns}, ShmSize: shm}
}

func newIsolator() isolators.Isolator {
	return ipc.New()
}

func TestConformance(t *testing.T) {
	host := config("host", 0)
	isolatortest.Run(t, newIsolator, &host)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, newIsolator(), []isolatortest.Refusal{
		{Config: config("shareable", 0), Is: mctr.ErrInvalid, Field: "namespaces.ipc shareable"},
		{Config: config("", -1), Is: mctr.ErrInvalid, Field: "shm_size -1"},
		{Config: config("host", 1<<20), Is: mctr.ErrInvalid, Field: "shm_size 1048576"},
	})
	isolatortest.Accepts(t, newIsolator(), config("", 0), config("", 1), config("host", 0))
}

func TestPrepare(t *testing.T) {
	const mqueue = `{"destination":"/dev/mqueue","type":"mqueue","source":"mqueue","options":["nosuid","noexec","nodev"]}`
	shm := func(size string) string {
		return `[{"destination":"/dev/shm","type":"tmpfs","source":"shm","options":["nosuid","noexec","nodev","mode=1777","size=` + size + `"]},` + mqueue + `]`
	}
	for _, c := range []struct {
		name           string
		config         mctr.ContainerConfig
		mounts, namesp string
	}{
		{"default", config("", 0), shm("67108864"), `{"namespaces":[{"type":"ipc"}]}`},
		{"size", config("", 4096), shm("4096"), `{"namespaces":[{"type":"ipc"}]}`},
		{"host", config("host", 0),
			`[{"destination":"/dev/shm","type":"bind","source":"/dev/shm","options":["rbind","rprivate","nosuid","noexec","nodev"]},` + mqueue + `]`, `null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := isolatortest.Prepared(t, newIsolator(), c.config)
			if got := isolatortest.JSON(t, a.Spec.Mounts); got != c.mounts {
				t.Errorf("mounts:\ngot  %s\nwant %s", got, c.mounts)
			}
			if got := isolatortest.JSON(t, a.Spec.Linux); got != c.namesp {
				t.Errorf("got %s, want %s", got, c.namesp)
			}
		})
	}
}
