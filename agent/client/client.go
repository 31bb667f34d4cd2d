// Package client calls the operator API of an mctr-agent. Its [Client] implements [agent.API] for
// the host of the agent. The package creates only connections.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/internal/plaintext"
)

// Options are the address of an agent and the credentials for it.
type Options struct {
	Address string      // unix:///PATH or tcp://HOST:PORT
	Token   string      // for tcp; empty: no token
	TLS     *tls.Config // for tcp; nil: no TLS
}

var _ agent.API = (*Client)(nil)

// A Client calls one agent. Its methods may be called concurrently.
type Client struct{ *transport }

// A transport sends calls and reads their answers.
type transport struct {
	options       Options
	network, host string
	http          *http.Client
}

// quickTime bounds a call that the agent answers at once. It is longer than the agent's own bound by
// the time on the network.
const quickTime = 45 * time.Second

// New returns a client without connecting. It fails if the address is not valid.
func New(o Options) (*Client, error) {
	t := &transport{options: o}
	var ok bool
	t.network, t.host, ok = strings.Cut(o.Address, "://")
	if !ok || t.host == "" || t.network != "unix" && t.network != "tcp" {
		return nil, fmt.Errorf("%w: agent %q: want unix:///PATH or tcp://HOST:PORT", mctr.ErrInvalid, o.Address)
	}
	if t.network == "tcp" {
		if err := t.checkTCP(); err != nil {
			return nil, err
		}
	}
	t.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (
		net.Conn, error) {
		return t.dial(ctx)
	}}}
	return &Client{t}, nil
}

// checkTCP refuses a connection without TLS to another host, because the token could be read on the
// network.
func (t *transport) checkTCP() error {
	host, _, err := net.SplitHostPort(t.host)
	if err != nil {
		return fmt.Errorf("%w: agent %s: %w", mctr.ErrInvalid, t.options.Address, err)
	}
	ip := net.ParseIP(host)
	if t.options.TLS == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf(
			"%w: agent %s: an agent on another host needs TLS (give the authority of its certificate)",
			mctr.ErrInvalid, t.options.Address)
	}
	return nil
}

// Close closes idle connections.
func (t *transport) Close() error {
	t.http.CloseIdleConnections()
	return nil
}

func (t *transport) dial(ctx context.Context) (net.Conn, error) {
	var conn net.Conn
	var err error
	if t.options.TLS != nil && t.network == "tcp" {
		conn, err = (&tls.Dialer{Config: t.options.TLS}).DialContext(ctx, t.network, t.host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, t.network, t.host)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: agent %s: %w (is mctr-agent running there?)", mctr.ErrUnavailable, t.options.Address, err)
	}
	return conn, err
}

// request returns the HTTP request of a call.
func (t *transport) request(ctx context.Context, kind string, arguments any) (*http.Request, error) {
	if err := plaintext.Check(arguments); err != nil {
		return nil, err
	}
	body, err := api.NewMessage(kind, arguments)
	if err != nil {
		return nil, err
	}
	return t.post(ctx, bytes.NewReader(body), api.JSON)
}

func (t *transport) post(ctx context.Context, body io.Reader, media string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+api.Path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", media)
	if t.options.Token != "" {
		r.Header.Set("Authorization", "Bearer "+t.options.Token)
	}
	return r, nil
}

// do makes a call. The caller closes the body of the answer, which is never an error answer.
func (t *transport) do(ctx context.Context, kind string, arguments any) (*http.Response, error) {
	r, err := t.request(ctx, kind, arguments)
	if err != nil {
		return nil, err
	}
	return t.send(r)
}

func (t *transport) send(r *http.Request) (*http.Response, error) {
	answer, err := t.http.Do(r)
	if err != nil {
		return nil, t.lost(r.Context(), err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, t.failed(r.Context(), answer)
}

// lost returns the error for a broken connection. Its text omits the URL, which means nothing to the
// caller.
func (t *transport) lost(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, mctr.ErrUnavailable):
		return errors.Unwrap(err)
	}
	return fmt.Errorf("%w: agent %s: %w", mctr.ErrUnavailable, t.options.Address, err)
}

// maxFailure bounds the body of an error answer, in bytes.
const maxFailure = 1 << 20

// failure returns the error of an error answer. It matches the same sentinel as on the agent.
func failure(answer *http.Response) error {
	if answer.StatusCode == http.StatusAccepted {
		return fmt.Errorf("%w: it is already running", mctr.ErrExists)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxFailure))
	if err != nil {
		return err
	}
	var body api.Failure
	if json.Unmarshal(data, &body) != nil || body.Error == nil {
		return fmt.Errorf("the agent answered %s: %.200q", answer.Status, data)
	}
	if body.Error.Kind == "" && answer.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %s", mctr.ErrUnavailable,
			strings.TrimPrefix(body.Error.Message, mctr.ErrUnavailable.Error()+": "))
	}
	return body.Error.Err()
}

// call makes a call and decodes its answer into out, if out is not nil.
func (t *transport) call(ctx context.Context, kind string, arguments, out any) error {
	answer, err := t.do(ctx, kind, arguments)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if out == nil {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&fields); err != nil {
		return t.lost(ctx, err)
	}
	if err := json.Unmarshal(fields[api.Field(kind)], out); err != nil {
		return fmt.Errorf("the agent's answer to %s: %w", kind, err)
	}
	return nil
}

// quick is call with a time limit, for calls that the agent answers at once.
func (t *transport) quick(ctx context.Context, kind string, arguments, out any) error {
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	return t.call(ctx, kind, arguments, out)
}
