package wire

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// kinds are the sentinels that an error keeps over the wire. The kind of an error that wraps
// several is the first in this order. Sentinels that decide an exit code come first; then permanent
// causes (the request, the object), then temporary ones (the peer).
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
	Also    []string `json:"also,omitempty"` // further kinds, if the error wraps several sentinels
	Message string   `json:"message"`
}

// NewError converts err for the wire; nil stays nil.
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

// Err converts e back to an error, which wraps the same sentinels as the original.
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

// Failed returns the Response that carries err.
func Failed(err error) Response { return Response{Error: NewError(err)} }

// Unexpected returns the error about a message that the protocol does not allow at this point.
func Unexpected(what string) error { return fmt.Errorf("%w: unexpected %s", ErrProtocol, what) }
