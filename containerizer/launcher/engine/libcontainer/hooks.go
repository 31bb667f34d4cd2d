package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"

	"github.com/mctr/mctr/internal/proc"
)

// RunPoststart waits for startContainer's hooks, which init runs and can report no failure of: init ends then without
// having executed the command (runtime.md, Lifecycle, steps 7 to 9).
func (c *container) RunPoststart() error {
	poststart := c.record.Hooks
	if len(poststart[configs.Poststart]) == 0 && !c.startContainer {
		return nil
	}
	if err := awaitExec(c.init.Pid); err != nil {
		return err
	}
	state, err := c.c.OCIState()
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

// tolerateFailures makes a failing poststop hook a warning (runtime.md, Lifecycle, step 13), where libcontainer makes
// it an error and leaves out the hooks behind it.
func tolerateFailures(hooks configs.HookList) {
	for i, hook := range hooks {
		hooks[i] = configs.NewFunctionHook(func(state *specs.State) error {
			if err := hook.Run(state); err != nil {
				logrus.Warn(fmt.Errorf("error running %s hook #%d: %w", configs.Poststop, i, err))
			}
			return nil
		})
	}
}
