package puller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/mctr/mctr"
)

// errRefused marks servers that do not exist or do not listen: waiting does not help.
var errRefused = errors.New("no server listens")

// describe adds the sentinel and the remedy that fit the error of a request.
func describe(err error) error {
	var status *transport.Error
	switch {
	case err == nil:
		return fmt.Errorf("%w: unexpected response", mctr.ErrUnavailable)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, mctr.ErrInvalid),
		errors.Is(err, ErrBusy):
		return err
	case errors.As(err, &status):
		return describeStatus(status)
	case errors.Is(err, errScheme) || strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return fmt.Errorf("%w: %w (the registry speaks plain HTTP: allow it for this host if the network is trusted)",
			mctr.ErrUnavailable, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: %w: %w", mctr.ErrUnavailable, errRefused, causeFirst(err))
	}
	return fmt.Errorf("%w: %w", mctr.ErrUnavailable, causeFirst(err))
}

// A cause is an error with a text that puts the reason first.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

// causeFirst reorders the text of an error: first the reason why the request failed, then the
// address.
func causeFirst(err error) error {
	var lookup *net.DNSError
	var dial *net.OpError
	var sent *url.Error
	switch {
	case errors.As(err, &lookup) && lookup.Server != "":
		return &cause{fmt.Sprintf("%s: %s (asked of %s)", lookup.Err, lookup.Name, lookup.Server), err}
	case errors.As(err, &dial) && dial.Addr != nil:
		return &cause{fmt.Sprintf("%v (%s %s)", dial.Err, dial.Op, dial.Addr), err}
	case errors.As(err, &sent):
		return &cause{fmt.Sprintf("%v (%s %s)", sent.Err, sent.Op, sent.URL), err}
	}
	return err
}

func describeStatus(status *transport.Error) error {
	err := answerFirst(status)
	switch status.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: %w (log in, or check the name: registries report a private image as missing)",
			errdefs.ErrUnauthenticated, err)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %w", errdefs.ErrPermissionDenied, err)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w: %w (the registry limits the rate of requests; log in or wait)",
			mctr.ErrUnavailable, ErrBusy, err)
	}
	return fmt.Errorf("%w: %w", mctr.ErrUnavailable, err)
}

// answerFirst reorders the text of an error: first the registry's answer, then the request.
func answerFirst(status *transport.Error) error {
	request, answer, found := strings.Cut(status.Error(), ": ")
	if status.Request == nil || !found {
		return status
	}
	return &cause{fmt.Sprintf("%s (%s)", answer, request), status}
}
