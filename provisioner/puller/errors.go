package puller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/mctr/mctr"
)

// errRefused marks servers that are not there at all: waiting does not help.
var errRefused = errors.New("nobody listens there")

// describe gives a failed request the sentinel and the remedy that fit.
func describe(err error) error {
	var status *transport.Error
	switch {
	case err == nil:
		return fmt.Errorf("unexpected answer: %w", mctr.ErrUnavailable)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, mctr.ErrInvalid), errors.Is(err, ErrBusy):
		return err
	case errors.As(err, &status):
		return describeStatus(status)
	case errors.Is(err, errScheme) || strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return fmt.Errorf("%w: %w (the registry speaks plain HTTP: allow it for this host if the network is trusted)", err, mctr.ErrUnavailable)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: %w: %w", err, errRefused, mctr.ErrUnavailable)
	}
	return fmt.Errorf("%w: %w", err, mctr.ErrUnavailable)
}

func describeStatus(err *transport.Error) error {
	switch err.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w", err, mctr.ErrNotFound)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: %w (log in, or check the name: a registry does not tell a private image from none)", err, errdefs.ErrUnauthenticated)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %w", err, errdefs.ErrPermissionDenied)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w: %w (it limits how often it is asked; log in or wait)", err, ErrBusy, mctr.ErrUnavailable)
	}
	return fmt.Errorf("%w: %w", err, mctr.ErrUnavailable)
}
