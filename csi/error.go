package csi

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/mctr/mctr"
)

// A Kind is the class of an error, by which a caller decides what to do. The kinds of failed calls are
// those of the specification's error scheme.
type Kind string

// The kinds.
const (
	KindInvalid         Kind = "invalid"         // the request is not valid, or the plugin refuses an argument
	KindNotFound        Kind = "not_found"       // no such volume, snapshot or path
	KindIncompatible    Kind = "incompatible"    // it exists with other properties
	KindInUse           Kind = "in_use"          // another container, or another node, has it
	KindState           Kind = "state"           // it is not in a state that allows the call
	KindExhausted       Kind = "exhausted"       // the plugin, or the node, has no room for it
	KindRange           Kind = "range"           // the size is out of range
	KindDenied          Kind = "denied"          // the secrets do not allow it
	KindUnauthenticated Kind = "unauthenticated" // the secrets are missing or not valid
	KindUnsupported     Kind = "unsupported"     // the plugin lacks the call or the feature
	KindPending         Kind = "pending"         // an operation on the volume is still pending
	KindUnavailable     Kind = "unavailable"     // the plugin cannot be reached, or gave no answer in time
	KindPlugin          Kind = "plugin"          // the plugin failed, or its answer is not valid
	KindHost            Kind = "host"            // this host failed: a file, a mount, a record
)

// sentinels are what errors of a kind match.
var sentinels = map[Kind]error{KindInvalid: mctr.ErrInvalid, KindNotFound: mctr.ErrNotFound,
	KindIncompatible: mctr.ErrExists, KindInUse: mctr.ErrState, KindState: mctr.ErrState,
	KindExhausted: errdefs.ErrResourceExhausted, KindRange: errdefs.ErrOutOfRange,
	KindDenied: errdefs.ErrPermissionDenied, KindUnauthenticated: errdefs.ErrUnauthenticated,
	KindUnsupported: mctr.ErrUnsupported, KindPending: mctr.ErrUnavailable, KindUnavailable: mctr.ErrUnavailable}

// An Error is a failed request. It matches the sentinel of its kind.
type Error struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
	Call    string `json:"call,omitempty"`   // the call that failed, for instance NodeStageVolume
	Code    string `json:"code,omitempty"`   // its gRPC code
	Volume  string `json:"volume,omitempty"` // as Volume.String returns it
	Node    string `json:"node,omitempty"`   // node_id
	Holder  string `json:"holder,omitempty"` // the container that has the volume
	// Unknown is set if the call may have succeeded: the same request has to be made again, or the
	// reverse one.
	Unknown bool `json:"unknown,omitempty"`
	// Also has what failed besides, while what the request had done was undone.
	Also []string `json:"also,omitempty"`
}

func (e *Error) Error() string {
	s := e.Message
	if e.Call != "" {
		s = fmt.Sprintf("%s: %s", e.Call, s)
	}
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Volume != "" {
		s = fmt.Sprintf("csi volume %s: %s", e.Volume, s)
	}
	if e.Node != "" {
		s += ", on node " + e.Node
	}
	if e.Holder != "" {
		s += ", held by container " + e.Holder
	}
	if e.Unknown {
		s += "; its outcome is not known: repeat the request"
	}
	for _, other := range e.Also {
		s += "; besides: " + other
	}
	return s
}

// Is makes errors.Is match the sentinel of the kind.
func (e *Error) Is(target error) bool { return sentinels[e.Kind] == target && target != nil }

// AsError returns err as an Error about a volume. Any other err is a failure of the host. Of
// joined errors the first counts, and the others are in Also.
func AsError(err error, volume string) *Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all := joined.Unwrap()
		first := AsError(all[0], volume)
		for _, other := range all[1:] {
			first.Also = append(first.Also, other.Error())
		}
		return first
	}
	if e, ok := errors.AsType[*Error](err); ok {
		out := *e
		out.Volume = cmp.Or(out.Volume, volume)
		return &out
	}
	for _, kind := range []Kind{KindInvalid, KindNotFound, KindUnsupported, KindUnavailable} {
		if errors.Is(err, sentinels[kind]) {
			return &Error{Kind: kind, Message: err.Error(), Volume: volume}
		}
	}
	return &Error{Kind: KindHost, Message: err.Error(), Volume: volume}
}
