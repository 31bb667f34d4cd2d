package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/mctr/mctr/csi"
)

// faults is how many tries of a call may end with a code that says nothing of the cause.
const faults = 3

// call makes one call of a plugin: the tries it needs, all with the same request. The error is a
// *csi.Error.
func call[Q, A proto.Message](ctx context.Context, c *Conn, name string,
	f func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) (A, error) {
	var none A
	if err := checkLimits(request); err != nil {
		return none, &csi.Error{Kind: csi.KindInvalid, Call: name, Message: c.scrub(err.Error(), name)}
	}
	failed := 0
	unknown := false // an earlier try may have succeeded
	for wait := c.first; ; wait = min(2*wait, longestPause) {
		answer, err := try(ctx, c, f, request)
		if err == nil {
			return answer, c.checkAnswer(name, answer)
		}
		e := c.asError(name, err)
		unknown = unknown || e.Unknown
		again := retriable[status.Code(err)]
		if again == bounded {
			failed++
		}
		if again == never || failed >= faults || !pause(ctx, wait) {
			e.Unknown = unknown // a refusal of the last try says nothing of the others
			return none, e
		}
		c.reconnect()
	}
}

// try makes one try of a call, within the limit for one.
func try[Q, A proto.Message](ctx context.Context, c *Conn,
	f func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) (A, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	return f(ctx, request)
}

// checkAnswer refuses an answer that breaks a limit of the specification: it could not be sent back.
func (c *Conn) checkAnswer(name string, answer proto.Message) error {
	if err := checkLimits(answer); err != nil {
		return &csi.Error{Kind: csi.KindPlugin, Call: name, Unknown: true,
			Message: "the answer is not valid: " + c.scrub(err.Error(), name)}
	}
	return nil
}

// A policy is whether a call is repeated after a code.
type policy int

const (
	never   policy = iota // the plugin has decided; the caller has to change something
	bounded               // the code says nothing of the cause: a few times
	always                // as long as there is time
)

// retriable has the codes after which a call is repeated (spec, Error Scheme).
var retriable = map[codes.Code]policy{
	codes.Aborted:          always,  // an operation on the volume is pending
	codes.Unavailable:      always,  // the plugin is not there, or was lost during the call
	codes.DeadlineExceeded: always,  // the outcome is not known
	codes.Canceled:         always,  // by the plugin: ctx has an error of its own
	codes.Internal:         bounded, // also an answer that cannot be decoded
	codes.Unknown:          bounded,
	codes.DataLoss:         bounded,
}

// kinds has the kinds of errors for codes.
var kinds = map[codes.Code]csi.Kind{
	codes.InvalidArgument: csi.KindInvalid, codes.NotFound: csi.KindNotFound,
	codes.AlreadyExists: csi.KindIncompatible, codes.FailedPrecondition: csi.KindState,
	codes.ResourceExhausted: csi.KindExhausted, codes.OutOfRange: csi.KindRange,
	codes.PermissionDenied: csi.KindDenied, codes.Unauthenticated: csi.KindUnauthenticated,
	codes.Unimplemented: csi.KindUnsupported, codes.Aborted: csi.KindPending,
	codes.Unavailable: csi.KindUnavailable, codes.DeadlineExceeded: csi.KindUnavailable,
	codes.Canceled: csi.KindUnavailable,
}

// asError returns the error of a call without secrets.
func (c *Conn) asError(name string, err error) *csi.Error {
	s := status.Convert(err)
	kind, ok := kinds[s.Code()]
	if !ok {
		kind = csi.KindPlugin
	}
	return &csi.Error{Kind: kind, Call: name, Code: s.Code().String(), Message: c.scrub(s.Message(), name),
		Unknown: retriable[s.Code()] != never && s.Code() != codes.Aborted}
}

// scrub removes the values of secrets from what a plugin says: some plugins repeat their arguments.
func (c *Conn) scrub(text, name string) string {
	for _, secrets := range c.secrets {
		for _, value := range secrets {
			if value != "" {
				text = strings.ReplaceAll(text, value, "***")
			}
		}
	}
	const most = 1000 // for a reader, and for logs
	if len(text) > most {
		text = text[:most] + "..."
	}
	if text == "" {
		text = fmt.Sprintf("the plugin gives no reason for the failure of %s", name)
	}
	return strings.ToValidUTF8(text, "?")
}

// IsKind returns true if err is a failed call of a kind.
func IsKind(err error, kind csi.Kind) bool {
	e, ok := errors.AsType[*csi.Error](err)
	return ok && e.Kind == kind
}
