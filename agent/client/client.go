// Package client speaks with an mctr-agent: its [Client] is the [agent.API] of the
// agent's host. It creates nothing but connections.
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

// Options say where the agent is, and how it knows its clients.
type Options struct {
	Address string      // unix:///PATH or tcp://HOST:PORT
	Token   string      // for tcp; may be empty
	TLS     *tls.Config // for tcp; nil: none
}

var _ agent.API = (*Client)(nil)

// A Client speaks with one agent. Its methods may be called concurrently.
type Client struct {
	options       Options
	network, host string
	http          *http.Client
}

// quickTime bounds a call that is answered at once: the agent's own bound, and the way.
const quickTime = 45 * time.Second

// New returns a client. It does not connect yet.
func New(o Options) (*Client, error) {
	c := &Client{options: o}
	var ok bool
	c.network, c.host, ok = strings.Cut(o.Address, "://")
	if !ok || c.host == "" || c.network != "unix" && c.network != "tcp" {
		return nil, fmt.Errorf("%w: agent %q: want unix:///PATH or tcp://HOST:PORT", mctr.ErrInvalid, o.Address)
	}
	if c.network == "tcp" {
		if err := c.checkTCP(); err != nil {
			return nil, err
		}
	}
	c.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (
		net.Conn, error) {
		return c.dial(ctx)
	}}}
	return c, nil
}

// checkTCP refuses to show a token to those on the way.
func (c *Client) checkTCP() error {
	host, _, err := net.SplitHostPort(c.host)
	if err != nil {
		return fmt.Errorf("%w: agent %s: %w", mctr.ErrInvalid, c.options.Address, err)
	}
	ip := net.ParseIP(host)
	if c.options.TLS == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf(
			"%w: agent %s: on the network an agent is spoken to by TLS alone (give the authority of its certificate)",
			mctr.ErrInvalid, c.options.Address)
	}
	return nil
}

// Close ends idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	var conn net.Conn
	var err error
	if c.options.TLS != nil && c.network == "tcp" {
		conn, err = (&tls.Dialer{Config: c.options.TLS}).DialContext(ctx, c.network, c.host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, c.network, c.host)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: agent %s: %w (does mctr-agent run there?)", mctr.ErrUnavailable, c.options.Address, err)
	}
	return conn, err
}

// request is a call, ready to be sent.
func (c *Client) request(ctx context.Context, kind string, arguments any) (*http.Request, error) {
	if err := plaintext.Check(arguments); err != nil {
		return nil, err
	}
	body, err := api.NewCall(kind, arguments)
	if err != nil {
		return nil, err
	}
	return c.post(ctx, bytes.NewReader(body), api.JSON)
}

func (c *Client) post(ctx context.Context, body io.Reader, media string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+api.Path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", media)
	if c.options.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.options.Token)
	}
	return r, nil
}

// do makes a call. The answer is a success, whose body is the caller's to close.
func (c *Client) do(ctx context.Context, kind string, arguments any) (*http.Response, error) {
	r, err := c.request(ctx, kind, arguments)
	if err != nil {
		return nil, err
	}
	return c.send(r)
}

func (c *Client) send(r *http.Request) (*http.Response, error) {
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.lost(r.Context(), err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, c.failed(r.Context(), answer)
}

// lost is the error of a connection that broke. Its text leaves out the URL, which
// the caller did not write.
func (c *Client) lost(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, mctr.ErrUnavailable):
		return errors.Unwrap(err)
	}
	return fmt.Errorf("%w: agent %s: %w", mctr.ErrUnavailable, c.options.Address, err)
}

// maxFailure bounds the text of an error.
const maxFailure = 1 << 20

// failure is the error in an answer: it matches the sentinel that it had
// at the agent.
func failure(answer *http.Response) error {
	if answer.StatusCode == http.StatusAccepted {
		return fmt.Errorf("%w: it runs already", mctr.ErrExists)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxFailure))
	if err != nil {
		return err
	}
	var body api.Failure
	if json.Unmarshal(data, &body) != nil || body.Error == nil {
		return fmt.Errorf("the agent answers %s: %.200q", answer.Status, data)
	}
	if body.Error.Kind == "" && answer.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %s", mctr.ErrUnavailable,
			strings.TrimPrefix(body.Error.Message, mctr.ErrUnavailable.Error()+": "))
	}
	return body.Error.Err()
}

// call makes a call that is answered by at most one message; out may be nil.
func (c *Client) call(ctx context.Context, kind string, arguments, out any) error {
	answer, err := c.do(ctx, kind, arguments)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if out == nil {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&fields); err != nil {
		return c.lost(ctx, err)
	}
	if err := json.Unmarshal(fields[api.Field(kind)], out); err != nil {
		return fmt.Errorf("the agent's answer to %s: %w", kind, err)
	}
	return nil
}

// quick is call for what is answered at once.
func (c *Client) quick(ctx context.Context, kind string, arguments, out any) error {
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	return c.call(ctx, kind, arguments, out)
}
