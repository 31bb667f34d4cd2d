package ociruntime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// killTimeout bounds the wait for a killed init to exit.
const killTimeout = 10 * time.Second

func (r *runtime) delete(args []string) (int, error) {
	var force bool
	f := newFlags("delete")
	boolVar(f, &force, "force", "f", "kill a running container first")
	id, c, err := r.parseContainer(f, args)
	if errors.Is(err, mctr.ErrNotFound) {
		return 0, r.deleteAborted(id, force, err)
	}
	if err != nil {
		return 1, err
	}
	s, err := c.State()
	switch {
	case err != nil:
		return 1, err
	case force || s.Status == specs.StateCreated:
		return 0, killAndDestroy(c)
	case s.Status == specs.StateStopped:
		return 0, c.Delete()
	}
	return 1, fmt.Errorf("container %s is %s: stop it first, or delete it with --force", id, s.Status)
}

// deleteAborted removes what a killed create left.
func (r *runtime) deleteAborted(id string, force bool, missing error) error {
	path, err := securejoin.SecureJoin(r.root, id)
	if err == nil && filepath.Dir(path) == r.root {
		err = os.RemoveAll(path)
	}
	if force {
		return err
	}
	return errors.Join(missing, err)
}

// killAndDestroy kills init and deletes the container. Delete also kills the processes that survive
// init in a container without its own pid namespace.
func killAndDestroy(c engine.Container) error {
	_ = c.Signal(int(unix.SIGKILL), false)
	pause := time.Millisecond
	for deadline := time.Now().Add(killTimeout); time.Now().Before(deadline); time.Sleep(pause) {
		if s, err := c.State(); err != nil || s.Status == specs.StateStopped {
			return c.Delete()
		}
		pause = min(2*pause, 50*time.Millisecond)
	}
	return fmt.Errorf("init is still running %v after it was killed", killTimeout)
}
