package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A statusError is an error with its own HTTP status.
type statusError struct {
	code int
	err  error
}

func (e statusError) Error() string { return e.err.Error() }
func (e statusError) Unwrap() error { return e.err }

// errLaunched means that the container to launch is already running.
var errLaunched = errors.New("already launched")

// status returns the HTTP status for an error.
func (x *exchange) status(err error) int {
	var coded statusError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, errLaunched):
		return http.StatusAccepted
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case x.r.Context().Err() != nil:
		return http.StatusServiceUnavailable // the agent is stopping, or the client has disconnected
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return http.StatusInternalServerError
}

var codes = []struct {
	err  error
	code int
}{
	{mctr.ErrInvalid, http.StatusBadRequest},
	{mctr.ErrUnsupported, http.StatusBadRequest},
	{mctr.ErrCommandNotFound, http.StatusBadRequest},
	{mctr.ErrCommandInvoke, http.StatusBadRequest},
	{errdefs.ErrUnauthenticated, http.StatusForbidden},
	{errdefs.ErrPermissionDenied, http.StatusForbidden},
	{mctr.ErrNotFound, http.StatusNotFound},
	{mctr.ErrExists, http.StatusConflict},
	{mctr.ErrState, http.StatusConflict},
	{mctr.ErrDestroyed, http.StatusConflict},
	{mctr.ErrUnavailable, http.StatusServiceUnavailable},
}

// fail sends an error answer.
func (x *exchange) fail(err error) {
	if x.code == http.StatusAccepted {
		x.w.WriteHeader(x.code)
		return
	}
	writeFailure(x.w, x.code, err)
}

func writeFailure(w http.ResponseWriter, code int, err error) {
	failed := wire.NewError(err)
	if len(failed.Message) > maxMessage {
		failed.Message = strings.ToValidUTF8(failed.Message[:maxMessage], "") + "..."
	}
	switch code {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType:
		answerAtOnce(w) // the body may not have been read to its end
	}
	w.Header().Set("Content-Type", api.JSON)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(api.Failure{Error: failed}) // an error means that the client has disconnected
}

// maxMessage bounds the text of an error in an answer, in bytes. The text may quote the call, which is
// larger.
const maxMessage = 2048

// readCall reads a whole call, which has to arrive in time.
func (x *exchange) readCall(from io.ReadCloser) ([]byte, error) {
	c := http.NewResponseController(x.w)
	if err := c.SetReadDeadline(time.Now().Add(x.BodyTime)); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(http.MaxBytesReader(x.w, from, maxBody))
	if err == nil {
		return data, c.SetReadDeadline(time.Time{}) // from here on, only a disconnected client ends a read
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, fmt.Errorf("the call is longer than %d bytes: %w", maxBody, err)
	}
	return nil, cutOff("the call", x.BodyTime, err)
}

// cutOff returns the error for a body that ends early or does not arrive in time.
func cutOff(what string, limit time.Duration, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return statusError{http.StatusRequestTimeout,
			fmt.Errorf("%w: %s did not arrive within %s", mctr.ErrInvalid, what, limit)}
	}
	return statusError{http.StatusBadRequest, fmt.Errorf("%w: %s is cut off: %w", mctr.ErrInvalid, what, err)}
}

// answer sends the answer to a call. An answer of type empty has no body.
func (x *exchange) answer(out any) error {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(writeTime))
	x.begun = true
	if _, ok := out.(empty); ok {
		x.w.WriteHeader(http.StatusOK)
		return nil
	}
	data, err := api.NewMessage(x.kind, out)
	if err != nil {
		x.begun = false
		return err
	}
	x.w.Header().Set("Content-Type", api.JSON)
	_, err = x.w.Write(data)
	return err
}
