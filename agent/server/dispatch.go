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

// An exchange is one call on its way.
type exchange struct {
	*Server
	w         http.ResponseWriter
	r         *http.Request
	kind      string // the call's type
	verb      Verb   // that it is
	arguments json.RawMessage
	form      *multipart.Reader // behind the call, for its archive; nil: the body is the call
	begun     bool              // the answer's status is sent
	code      int
}

// serveCall finds the call and answers for its error.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Server: s, w: w, r: r, kind: unknownCall, code: http.StatusOK}
	began := time.Now()
	defer func() { s.metrics.request(x.kind, s.verbs[x.kind].Kind, x.code, time.Since(began)) }()
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
	var data []byte
	if input == api.Form {
		data, err = x.callOfForm()
	} else {
		data, err = x.readCall(x.r.Body)
	}
	if err != nil {
		return err
	}
	kind, arguments, err := api.ParseCall(data)
	if err != nil {
		return err
	}
	verb, known := x.verbs[kind]
	switch {
	case x.form != nil && !verb.Archive:
		return statusError{http.StatusUnsupportedMediaType,
			fmt.Errorf("%w: %s: %s is for calls that bring an archive", mctr.ErrInvalid, "Content-Type", api.Form)}
	case known:
		x.kind, x.verb, x.arguments = kind, verb, arguments
		if err := x.accepts(verb.Kind.media()); err != nil {
			return err
		}
		return verb.serve(x)
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

// accepts fails where the client does not take answers of this media type; "": of any.
func (x *exchange) accepts(media string) error {
	if m := x.r.Header.Get("Message-Accept"); media == api.RecordIO && m != "" && m != api.JSON && m != "*/*" {
		return statusError{http.StatusNotAcceptable,
			fmt.Errorf("%w: Message-Accept: %.64q: messages are %s", mctr.ErrInvalid, m, api.JSON)}
	}
	accepted := x.r.Header.Get("Accept")
	if accepted == "" || media == "" {
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

// decode reads the arguments of the call.
func (x *exchange) decode(in any) error {
	given := x.arguments
	if given == nil && x.verb.Optional {
		given = json.RawMessage("{}")
	}
	if given == nil {
		return fmt.Errorf("%w: a call of type %s needs %q", mctr.ErrInvalid, x.kind, api.Field(x.kind))
	}
	if err := api.Decode(given, in); err != nil {
		return fmt.Errorf("%s: %w", api.Field(x.kind), err)
	}
	return nil
}

// unary answers with the message that do returns, in time where the verb is a quick one.
func (x *exchange) unary(do func(context.Context) (any, error)) error {
	ctx := x.r.Context()
	if x.verb.Kind == Quick {
		limited, cancel := context.WithTimeout(ctx, quickTime)
		defer cancel()
		ctx = limited
	}
	out, err := do(ctx)
	if err != nil {
		return err
	}
	return x.answer(out)
}
