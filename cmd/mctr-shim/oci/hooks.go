package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"

	"github.com/mctr/mctr/internal/proc"
)

// runPoststart sees a container whose start was asked for through its hooks (runtime.md,
// Lifecycle, steps 7 to 9). startContainer's are init's to run, which can report no failure
// any more: it ends without having executed the command. With an error the caller
// destroys the container.
func runPoststart(c *lc.Container, poststart configs.Hooks) error {
	config := c.Config()
	if len(poststart[configs.Poststart]) == 0 && !config.HasHook(configs.StartContainer) {
		return nil
	}
	inner, err := c.State()
	if err != nil {
		return err
	}
	if err := awaitExec(inner.InitProcessPid); err != nil {
		return err
	}
	state, err := c.OCIState()
	if err != nil {
		return err
	}
	return poststart.Run(configs.Poststart, state)
}

// awaitExec waits until init, the process pid, executes the user's command.
func awaitExec(pid int) error {
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		ending := proc.Ending(pid) // looked at first: it may execute the command, and end, at any moment
		executed, err := proc.Executed(pid)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was reaped, most likely after a short command
			return nil
		case err != nil:
			return err
		case executed:
			return nil
		case ending:
			return errors.New("init ended before it executed the command: a startContainer hook has failed, " +
				"or the command cannot be executed (which one, the container's stderr says)")
		}
		time.Sleep(pause)
	}
}

// destroy removes what libcontainer made, and runs the poststop hooks. One that fails is
// a warning (runtime.md, Lifecycle, step 13), where libcontainer makes it an error and
// leaves out those behind it.
func destroy(c *lc.Container) error {
	hooks := c.Config().Hooks[configs.Poststop] // libcontainer's own list: Destroy runs what stands in it
	for i, hook := range hooks {
		hooks[i] = configs.NewFunctionHook(func(state *specs.State) error {
			if err := hook.Run(state); err != nil {
				logrus.Warn(fmt.Errorf("error running %s hook #%d: %w", configs.Poststop, i, err))
			}
			return nil
		})
	}
	return c.Destroy()
}
