package server

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// BodyTime is what a call has to arrive, where nothing else is said.
const BodyTime = 30 * time.Second

// The bounds on a client.
const (
	maxBody   = 4 << 20          // bytes of a call
	quickTime = 30 * time.Second // for a call that does not wait for a container or a registry
	writeTime = time.Minute      // for a client to take a piece of an answer
	stallTime = 2 * time.Minute  // for a piece of an archive, either way: a lock may be held meanwhile
)

// A call answers one type of call.
type call func(x *exchange) error

// An exchange is one call on its way.
type exchange struct {
	*Server
	w         http.ResponseWriter
	r         *http.Request
	kind      string // the call's type
	arguments json.RawMessage
	form      *multipart.Reader // behind the call, for its archive; nil: the body is the call
	begun     bool              // the answer's status is sent
	code      int
}

// serveCall finds the call and answers for its error.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Server: s, w: w, r: r, kind: unknownCall, code: http.StatusOK}
	began := time.Now()
	defer func() { s.metrics.request(x.kind, x.code, time.Since(began)) }()
	err := x.serve()
	if err == nil {
		return
	}
	x.code = x.status(err)
	s.log.Debug("call", "type", x.kind, "code", x.code, "error", fmt.Sprintf("%.*s", maxMessage, err.Error()))
	if x.begun {
		panic(http.ErrAbortHandler) // the client sees that the answer is cut off
	}
	x.fail(err)
}

func (x *exchange) serve() error {
	input, err := x.contentType()
	if err != nil {
		return err
	}
	if input == api.RecordIO {
		x.kind = api.AttachContainerInput
		return x.attachInput()
	}
	read := x.body
	if input == api.Form {
		read = x.callOfForm
	}
	data, err := read()
	if err != nil {
		return err
	}
	kind, arguments, err := api.ParseCall(data)
	if err != nil {
		return err
	}
	answer, known := x.calls[kind]
	switch {
	case x.form != nil && !slices.Contains(withArchive, kind):
		return statusError{http.StatusUnsupportedMediaType,
			fmt.Errorf("%w: %s: %s is for calls that bring an archive", mctr.ErrInvalid, "Content-Type", api.Form)}
	case known:
		x.kind, x.arguments = kind, arguments
		return answer(x)
	case slices.Contains(unsupportedCalls, kind):
		return statusError{http.StatusNotImplemented,
			fmt.Errorf("%w: %s: this agent has no frameworks, tasks and resource providers", mctr.ErrUnsupported, kind)}
	}
	return fmt.Errorf("%w: no call of type %.64q", mctr.ErrInvalid, kind)
}

// unsupportedCalls are calls of Mesos' agent that are not about containers.
var unsupportedCalls = []string{
	"GET_FLAGS", "GET_METRICS", "GET_LOGGING_LEVEL", "SET_LOGGING_LEVEL", "GET_STATE", "GET_FRAMEWORKS",
	"GET_EXECUTORS", "GET_OPERATIONS", "GET_TASKS", "GET_AGENT", "GET_RESOURCE_PROVIDERS",
	"ADD_RESOURCE_PROVIDER_CONFIG", "UPDATE_RESOURCE_PROVIDER_CONFIG", "REMOVE_RESOURCE_PROVIDER_CONFIG",
	"MARK_RESOURCE_PROVIDER_GONE",
}

// contentType is the body's, one of api.JSON, api.RecordIO and api.Form.
func (x *exchange) contentType() (string, error) {
	const header = "Content-Type"
	if x.r.Header.Get(header) == "" {
		return "", statusError{http.StatusBadRequest,
			fmt.Errorf("%w: no %s: want %s", mctr.ErrInvalid, header, api.JSON)}
	}
	media, _, err := mime.ParseMediaType(x.r.Header.Get(header))
	if err != nil || media != api.JSON && media != api.RecordIO && media != api.Form {
		return "", statusError{http.StatusUnsupportedMediaType,
			fmt.Errorf("%w: %s: %.64q: want %s", mctr.ErrInvalid, header, x.r.Header.Get(header), api.JSON)}
	}
	return media, nil
}

// accepts reports whether the client takes answers of this media type.
func (x *exchange) accepts(media string) error {
	accepted := x.r.Header.Get("Accept")
	if accepted == "" {
		return nil
	}
	for part := range strings.SplitSeq(accepted, ",") {
		name, parameters, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err == nil && parameters["q"] != "0" && (name == media || name == "*/*" || name == "application/*") {
			return nil
		}
	}
	return statusError{http.StatusNotAcceptable,
		fmt.Errorf("%w: Accept: %.64q: answers to %s are %s", mctr.ErrInvalid, accepted, x.kind, media)}
}

// arguments reads what the call is given.
func arguments[In any](x *exchange) (in In, err error) {
	if x.arguments == nil {
		return in, fmt.Errorf("%w: a call of type %s needs %q", mctr.ErrInvalid, x.kind, api.Field(x.kind))
	}
	if err := api.Decode(x.arguments, &in); err != nil {
		return in, fmt.Errorf("%s: %w", api.Field(x.kind), err)
	}
	return in, nil
}

// empty is the answer of a call that has none to give.
type empty struct{}

// unary is a call whose answer is one message, if any.
func unary[In, Out any](do func(ctx context.Context, in In) (Out, error)) call {
	return func(x *exchange) error {
		if err := x.accepts(api.JSON); err != nil {
			return err
		}
		in, err := arguments[In](x)
		if err != nil {
			return err
		}
		out, err := do(x.r.Context(), in)
		if err != nil {
			return err
		}
		return x.answer(out)
	}
}

// unaryFast is a plain call that is answered at once, or fails.
func unaryFast[In, Out any](do func(ctx context.Context, in In) (Out, error)) call {
	return unary(func(ctx context.Context, in In) (Out, error) {
		ctx, cancel := context.WithTimeout(ctx, quickTime)
		defer cancel()
		return do(ctx, in)
	})
}

// optional is a call that may be given nothing.
func optional(c call) call {
	return func(x *exchange) error {
		if x.arguments == nil {
			x.arguments = json.RawMessage("{}")
		}
		return c(x)
	}
}

// byID is a call that does something to a container and has nothing to say.
func byID(do func(ctx context.Context, id mctr.ContainerID) error) func(context.Context, api.ID) (empty, error) {
	return func(ctx context.Context, in api.ID) (empty, error) {
		id, err := in.ContainerID.ID()
		if err != nil {
			return empty{}, err
		}
		return empty{}, do(ctx, id)
	}
}
