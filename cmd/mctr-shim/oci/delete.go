package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	securejoin "github.com/cyphar/filepath-securejoin"
	lc "github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

// dyingTime bounds the wait for a killed init.
const dyingTime = 10 * time.Second

func (r *runtime) delete(args []string) (int, error) {
	var force bool
	f := newFlags("delete")
	boolVar(f, &force, "force", "f", "kill it first when it runs")
	id, err := parseID(f, args)
	if err != nil {
		return 1, err
	}
	c, err := r.load(id)
	if errors.Is(err, lc.ErrNotExist) {
		return 0, r.deleteAborted(id, force, err)
	}
	if err != nil {
		return 1, err
	}
	status, err := c.Status()
	switch {
	case err != nil:
		return 1, err
	case force || status == lc.Created:
		return 0, killAndDestroy(c)
	case status == lc.Stopped:
		return 0, destroy(c)
	}
	return 1, fmt.Errorf("container %s is %s: stop it first, or delete it with --force", id, status)
}

// deleteAborted removes what a create that was killed left.
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

// killAndDestroy also ends what a container without pid namespace of its own
// left after its init.
func killAndDestroy(c *lc.Container) error {
	_ = c.Signal(unix.SIGKILL)
	pause := time.Millisecond
	for deadline := time.Now().Add(dyingTime); time.Now().Before(deadline); time.Sleep(pause) {
		if c.Signal(unix.Signal(0)) != nil {
			return destroy(c)
		}
		pause = min(2*pause, 50*time.Millisecond)
	}
	return fmt.Errorf("init was killed and still runs after %v", dyingTime)
}
