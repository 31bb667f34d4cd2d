package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"
)

// RunPoststart runs the poststart hooks once init has run the startContainer hooks and executes the
// command. If a startContainer hook fails, init exits instead (runtime.md, Lifecycle, steps 7 to
// 9).
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

// tolerateFailures turns the failure of a poststop hook into a warning (runtime.md, Lifecycle, step
// 13). libcontainer would return an error and skip the remaining hooks.
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
