package wire

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// kinds are the sentinels that keep their identity over the wire. An error that
// wraps several has the kind of the first one in this order: what decides an exit
// code comes before what says whose fault an error is, and a cause that will not
// pass (the request, the object) before one that may (the peer).
var kinds = []struct {
	name     string
	sentinel error
}{
	{"command-not-found", mctr.ErrCommandNotFound},
	{"command-invoke", mctr.ErrCommandInvoke},
	{"invalid", mctr.ErrInvalid},
	{"unsupported", mctr.ErrUnsupported},
	{"not-found", mctr.ErrNotFound},
	{"exists", mctr.ErrExists},
	{"state", mctr.ErrState},
	{"destroyed", mctr.ErrDestroyed},
	{"unavailable", mctr.ErrUnavailable},
}

// An Error is an error of the other side.
type Error struct {
	Kind    string   `json:"kind,omitempty"`
	Also    []string `json:"also,omitempty"` // further kinds, of an error that wraps several sentinels
	Message string   `json:"message"`
}

// NewError prepares err for the wire; nil gives nil.
func NewError(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Message: err.Error()}
	for _, kind := range kinds {
		switch {
		case !errors.Is(err, kind.sentinel):
		case e.Kind == "":
			e.Kind = kind.name
		default:
			e.Also = append(e.Also, kind.name)
		}
	}
	return e
}

// Err is the error on this side: it matches the sentinels that it had there.
func (e *Error) Err() error {
	if e == nil {
		return nil
	}
	err := &remoteError{message: e.Message}
	for _, kind := range kinds {
		if kind.name == e.Kind || slices.Contains(e.Also, kind.name) {
			err.sentinels = append(err.sentinels, kind.sentinel)
		}
	}
	return err
}

type remoteError struct {
	message   string
	sentinels []error
}

func (e *remoteError) Error() string   { return e.message }
func (e *remoteError) Unwrap() []error { return e.sentinels }

// Failed builds the Response that carries err.
func Failed(err error) Response { return Response{Error: NewError(err)} }

// Unexpected is the error for a message that does not fit here.
func Unexpected(what string) error { return fmt.Errorf("%w: unexpected %s", ErrProtocol, what) }
