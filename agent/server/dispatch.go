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

// BodyTime is the default time limit for a call to arrive.
const BodyTime = 30 * time.Second

// Limits on clients.
const (
	maxBody   = 4 << 20          // size of a call, in bytes
	quickTime = 30 * time.Second // for a call that waits for neither a container nor a registry
	writeTime = time.Minute      // for a client to read a part of an answer
	stallTime = 2 * time.Minute  // for a part of an archive; the other side may wait for a lock
)

// An exchange is one call and its answer.
type exchange struct {
	*Server
	w         http.ResponseWriter
	r         *http.Request
	kind      string // type of the call
	verb      Verb   // declaration of the call
	arguments json.RawMessage
	form      *multipart.Reader // positioned after the call, before its archive; nil: the body has only the call
	begun     bool              // the status of the answer was sent
	code      int
}

// serveCall serves a call, and answers with its error if it fails.
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
			fmt.Errorf("%w: Content-Type: %s is only for calls with an archive", mctr.ErrInvalid, api.Form)}
	case known:
		x.kind, x.verb, x.arguments = kind, verb, arguments
		if err := x.accepts(verb.Kind.media()); err != nil {
			return err
		}
		return verb.serve(x)
	case slices.Contains(unsupportedCalls, kind):
		return statusError{http.StatusNotImplemented,
			fmt.Errorf("%w: %s: this agent has no frameworks, tasks or resource providers", mctr.ErrUnsupported, kind)}
	}
	return fmt.Errorf("%w: no call of type %.64q", mctr.ErrInvalid, kind)
}

// unsupportedCalls are the calls of the Mesos agent that are not about containers.
var unsupportedCalls = []string{
	"GET_FLAGS", "GET_METRICS", "GET_LOGGING_LEVEL", "SET_LOGGING_LEVEL", "GET_STATE", "GET_FRAMEWORKS",
	"GET_EXECUTORS", "GET_OPERATIONS", "GET_TASKS", "GET_AGENT", "GET_RESOURCE_PROVIDERS",
	"ADD_RESOURCE_PROVIDER_CONFIG", "UPDATE_RESOURCE_PROVIDER_CONFIG", "REMOVE_RESOURCE_PROVIDER_CONFIG",
	"MARK_RESOURCE_PROVIDER_GONE",
}

// contentType returns the media type of the body: api.JSON, api.RecordIO or api.Form.
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

// accepts fails if the client does not accept answers of this media type. "" stands for any type.
func (x *exchange) accepts(media string) error {
	if m := x.r.Header.Get("Message-Accept"); media == api.RecordIO && m != "" && m != api.JSON && m != "*/*" {
		return statusError{http.StatusNotAcceptable,
			fmt.Errorf("%w: Message-Accept: %.64q: the messages are %s", mctr.ErrInvalid, m, api.JSON)}
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
		fmt.Errorf("%w: Accept: %.64q: the answer to %s is %s", mctr.ErrInvalid, accepted, x.kind, media)}
}

// decode decodes the arguments of the call.
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

// unary answers with the message that do returns. A quick call has a time limit.
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
