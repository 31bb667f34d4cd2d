package bind_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/internal/bind"
)

// TestMapOwner: the option maps the owner to the user of the process, and nothing else is mapped
// without it.
func TestMapOwner(t *testing.T) {
	c := isolatortest.NewContainer(t, mctr.ContainerConfig{Image: "test", Process: mctr.Process{User: "7:8"}})
	owner := func() (uint32, uint32, error) { return 1000, 2000, nil }
	for options, want := range map[string]string{
		"idmap": `[{"containerID":1000,"hostID":7,"size":1}] [{"containerID":2000,"hostID":8,"size":1}]`,
		"ro":    "null null",
	} {
		v := mctr.Volume{Source: "/a", Target: "/b", Options: []string{options}}
		m := bind.Mount(v, v.Source)
		if err := bind.MapOwner(c, v, &m, owner); err != nil {
			t.Fatal(err)
		}
		if got := isolatortest.JSON(t, m.UIDMappings) + " " + isolatortest.JSON(t, m.GIDMappings); got != want {
			t.Errorf("%s: got %s, want %s", options, got, want)
		}
	}
	v := mctr.Volume{Options: []string{"idmap"}}
	m := bind.Mount(v, "/a")
	unread := func() (uint32, uint32, error) { return 0, 0, unix.EIO }
	if err := bind.MapOwner(c, v, &m, unread); !errors.Is(err, unix.EIO) {
		t.Errorf("an owner that cannot be read: %v", err)
	}
	if err := os.Remove(c.Rootfs + "/etc/passwd"); err != nil {
		t.Fatal(err)
	}
	c.Config.Process.User = "nobody-there"
	if err := bind.MapOwner(c, v, &m, owner); err == nil {
		t.Error("a user that does not exist is mapped")
	}
}
