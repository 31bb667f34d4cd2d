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
	return &Error{Message: err.Error(), Kind: kindOf(err)}
}

// kindOf is the kind of the sentinel that comes first in err's tree, as errors.Is walks
// it: of an error that wraps several, that is the one that its text begins with.
func kindOf(err error) string {
	for kind, sentinel := range kinds { // at most one of them is this node
		if is(err, sentinel) {
			return kind
		}
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		if inner := u.Unwrap(); inner != nil {
			return kindOf(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			if kind := kindOf(inner); kind != "" {
				return kind
			}
		}
	}
	return ""
}

// is says whether err itself, and not what it wraps, is the sentinel or says to be.
func is(err, sentinel error) bool {
	if any(err) == any(sentinel) {
		return true
	}
	claims, ok := err.(interface{ Is(error) bool })
	return ok && claims.Is(sentinel)
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
