package wire

import (
	"errors"
	"fmt"

	"github.com/mctr/mctr"
)

// The errors of a command that could not be run. Shells give 127 and 126 for them.
var (
	ErrCommandNotFound = errors.New("command not found")
	ErrCommandInvoke   = errors.New("command cannot be invoked")
)

// kinds are the sentinels that keep their identity over the wire.
var kinds = map[string]error{
	"not-found":         mctr.ErrNotFound,
	"exists":            mctr.ErrExists,
	"invalid":           mctr.ErrInvalid,
	"unsupported":       mctr.ErrUnsupported,
	"state":             mctr.ErrState,
	"destroyed":         mctr.ErrDestroyed,
	"unavailable":       mctr.ErrUnavailable,
	"command-not-found": ErrCommandNotFound,
	"command-invoke":    ErrCommandInvoke,
}

// An Error is an error of the other side.
type Error struct {
	Kind    string `json:"kind,omitempty"`
	Message string `json:"message"`
}

// NewError prepares err for the wire; nil gives nil.
func NewError(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Message: err.Error()}
	for kind, sentinel := range kinds {
		if errors.Is(err, sentinel) {
			e.Kind = kind
		}
	}
	return e
}

// Err is the error on this side: it matches the sentinel that it had there.
func (e *Error) Err() error {
	if e == nil {
		return nil
	}
	return &remoteError{e.Message, kinds[e.Kind]}
}

type remoteError struct {
	message  string
	sentinel error
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.sentinel }

// Failed builds the Response that carries err.
func Failed(err error) Response { return Response{Error: NewError(err)} }

// Unexpected is the error for a message that does not fit here.
func Unexpected(what string) error { return fmt.Errorf("%w: unexpected %s", ErrProtocol, what) }
