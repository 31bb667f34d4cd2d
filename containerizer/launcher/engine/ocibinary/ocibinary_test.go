package ocibinary_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/engine/enginetest"
	"github.com/mctr/mctr/containerizer/launcher/engine/ocibinary"
)

func TestRunc(t *testing.T) {
	path := program(t, "runc")
	enginetest.Run(t, "runc", func() engine.Engine { return ocibinary.New(path) })
}

func TestCrun(t *testing.T) {
	path := program(t, "crun")
	if hybrid() {
		path = withoutV2(t, path)
	}
	enginetest.Run(t, "crun", func() engine.Engine { return ocibinary.New(path) })
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err, "(apt-get install", name+")")
	}
	return path
}

// hybrid reports whether this host has controllers on both cgroup v1 and v2. crun refuses such a
// host: "cgroups in hybrid mode not supported".
func hybrid() bool {
	data, err := os.ReadFile("/sys/fs/cgroup/unified/cgroup.controllers")
	return err == nil && len(strings.TrimSpace(string(data))) > 0
}

// withoutV2 returns a script that runs the program without the mount of cgroup v2.
func withoutV2(t *testing.T, path string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), filepath.Base(path))
	text := "#!/bin/sh\nexec unshare --mount sh -c 'umount /sys/fs/cgroup/unified && exec " + path +
		" \"$@\"' sh \"$@\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return script
}
