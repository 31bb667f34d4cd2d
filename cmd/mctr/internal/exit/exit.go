// Package exit has the exit codes of mctr, which are those of docker.
package exit

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
)

// OwnFailure is the exit code if mctr itself failed while running a command.
const OwnFailure = 125

// A Status is an error with an exit code. Without Err nothing is printed: the code is the one of the
// task.
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

// OfFlag returns an error about a flag with the exit code of docker.
func OfFlag(_ *cobra.Command, err error) error { return Status{Code: OwnFailure, Err: err} }

// OfRun returns an error of run or exec with the exit code of docker.
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

// OfContainer returns the exit status for a container that failed. It is 1 if the container was
// stopped and its own exit code is 0.
func OfContainer(t *mctr.Termination) error { return Status{Code: cmp.Or(t.ExitCode, 1)} }
