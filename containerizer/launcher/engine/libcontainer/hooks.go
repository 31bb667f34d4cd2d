package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"
)

// RunPoststart waits for startContainer's hooks, which init runs and can report no failure of: init ends then without
// having executed the command (runtime.md, Lifecycle, steps 7 to 9).
func (c *container) RunPoststart() error {
	poststart := c.record.Hooks
	if len(poststart[configs.Poststart]) == 0 && !c.startContainer {
		return nil
	}
	if err := c.init.AwaitExec(); err != nil {
		return err
	}
	state, err := c.c.OCIState()
	if err != nil {
		return err
	}
	return poststart.Run(configs.Poststart, state)
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
