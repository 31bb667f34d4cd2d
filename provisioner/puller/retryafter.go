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

// ErrBusy marks the error of a registry that asked for a longer pause than mctr waits. Retrying at
// once does not help.
var ErrBusy = errors.New("the registry is busy and asks clients to wait")

// The most that one request waits in total: if the server names a delay, and if a server that
// limits its rate names none.
const (
	patience    = 3 * time.Minute
	ownPatience = 30 * time.Second
)

// A retryingTransport repeats a request after the delay that the server named. It serves
// registries, token servers and storage alike.
type retryingTransport struct {
	base    http.RoundTripper
	most    time.Duration
	waiting func(host string, wait time.Duration) // is called before each wait; may be nil
}

// RoundTrip implements http.RoundTripper.
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
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // the connection can be reused only then
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

// errBusy returns the error of a server that demands too long a delay.
func errBusy(resp *http.Response, wait time.Duration) error {
	defer resp.Body.Close()
	err := transport.CheckError(resp)
	return fmt.Errorf("%w: %w: %w (wait %s, or log in)", mctr.ErrUnavailable, ErrBusy, err,
		wait.Round(time.Second))
}

// retryDelay returns how long to wait after this response, or false if the response is final.
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

// retryAfter parses a number of seconds or a date (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now), true
	}
	return 0, false
}

// cloneRequest returns req for another attempt, with its body rewound.
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
