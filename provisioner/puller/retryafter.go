package puller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/mctr/mctr"
)

// ErrBusy marks the error of a registry that asked for patience longer than there
// was: to ask again at once does not help.
var ErrBusy = errors.New("the registry asks to be left alone for a while")

// How long one request is put off in all: as long as the server says, or where a
// server that is asked too often does not say.
const (
	patience    = 3 * time.Minute
	ownPatience = 30 * time.Second
)

// A retryingTransport asks a server again after the time that it named: registries, token
// servers and storage alike.
type retryingTransport struct {
	base    http.RoundTripper
	most    time.Duration
	waiting func(host string, wait time.Duration) // is told before each wait; nil: waits are not told
}

// RoundTrip is http.RoundTripper's.
func (p retryingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	waited := time.Duration(0)
	for tries := 0; ; tries++ {
		resp, err := p.base.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		wait, ok := retryDelay(resp, tries, time.Now())
		waited += wait
		if !ok {
			return resp, nil
		}
		deadline, ok := req.Context().Deadline()
		if waited > p.most || ok && time.Until(deadline) <= wait {
			return nil, errBusy(resp, wait)
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
		_ = resp.Body.Close()
		if req, err = cloneRequest(req); err != nil {
			return nil, err
		}
		if p.waiting != nil {
			p.waiting(req.URL.Host, wait)
		}
		select {
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		case <-time.After(wait):
		}
	}
}

// errBusy is the error of a server that wants to be left alone for too long.
func errBusy(resp *http.Response, wait time.Duration) error {
	defer resp.Body.Close()
	err := transport.CheckError(resp)
	return fmt.Errorf("%w: %w: %w (it names %s: wait so long, or log in)", mctr.ErrUnavailable, ErrBusy, err,
		wait.Round(time.Second))
}

// retryDelay is how long a server that answered so is to be left alone; false: the
// answer stands.
func retryDelay(resp *http.Response, tries int, now time.Time) (time.Duration, bool) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	if wait, ok := retryAfter(resp.Header.Get("Retry-After"), now); ok {
		return max(wait, 100*time.Millisecond), true
	}
	wait := time.Second << min(tries, 10)
	return wait, resp.StatusCode == http.StatusTooManyRequests && wait < ownPatience
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now), true
	}
	return 0, false
}

// cloneRequest is req for another attempt.
func cloneRequest(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody || req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	out := req.Clone(req.Context())
	out.Body = body
	return out, nil
}
