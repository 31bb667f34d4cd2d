// Package exit has the exit codes of mctr: docker's.
package exit

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
)

// OwnFailure is the exit code where mctr failed at running something.
const OwnFailure = 125

// A Status is an error that asks for an exit code. Without Err it is
// silent: the task's own code.
type Status struct {
	Code int
	Err  error
}

func (e Status) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

func (e Status) Unwrap() error { return e.Err }

// OfFlag gives an error of a flag docker's exit code for what runs something.
func OfFlag(_ *cobra.Command, err error) error { return Status{Code: OwnFailure, Err: err} }

// OfRun gives an error of run or exec docker's exit code.
func OfRun(err error) error {
	var status Status
	switch {
	case err == nil, errors.As(err, &status):
		return err
	case errors.Is(err, mctr.ErrCommandNotFound):
		return Status{Code: 127, Err: err}
	case errors.Is(err, mctr.ErrCommandInvoke):
		return Status{Code: 126, Err: err}
	}
	return Status{Code: OwnFailure, Err: err}
}

// OfContainer is the exit status of a container that failed: its code, and 1 where it was
// ended and called that a success.
func OfContainer(t *mctr.Termination) error { return Status{Code: cmp.Or(t.ExitCode, 1)} }
