package containerizer_test

import (
	"context"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/isolators"
)

// output attaches to what the container writes.
var output = &wire.Attach{Output: true, Primary: true}

// A greeter is an isolator that only declares.
type greeter struct{ isolators.Base }

func (greeter) Name() string { return "example/greeter" }

func (greeter) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) {
	return &mctr.Adjustment{
		Spec: specs.Spec{Process: &specs.Process{Env: []string{"GREETING=hello from an isolator"}}}}, nil
}

// scratch is a directory for one example.
func scratch() (dir string, done func()) {
	dir, err := os.MkdirTemp("", "mctr-example")
	if err != nil {
		log.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	return dir, func() {
		_ = unix.Unmount(state, unix.MNT_DETACH)
		_ = os.RemoveAll(dir)
		for _, group := range []string{groupOf(state), groupOf(state) + "-shims"} {
			_ = cgroup.Remove(group)
		}
	}
}

// groupOf is the control group of all containers of a STATE directory.
func groupOf(state string) string {
	return store.At("", state).CgroupPrefix()
}

// beside finds what make build made.
func beside(name string) (string, error) {
	if path, err := filepath.Abs("../bin/" + name); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}
