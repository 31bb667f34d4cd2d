package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Loader runs tasks and servers for requests at a unix socket, until ctx ends.
func Loader(ctx context.Context, socket string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	stop := func() {}
	serve := func(_ *http.Request, p Ports) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		before := stop
		next, err := Serve(p)
		if err == nil {
			stop = func() { before(); next() }
		}
		return struct{}{}, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /run", handle(func(r *http.Request, t Task) (any, error) { return Run(r.Context(), t) }))
	mux.HandleFunc("POST /serve", handle(serve))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	err = server.Serve(l)
	mu.Lock()
	defer mu.Unlock()
	stop()
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func handle[T any](do func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked T
		err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&asked)
		var answer any
		if err == nil {
			answer, err = do(r, asked)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(answer) // fails only if the other side has closed the connection
	}
}

// A Client sends requests to a loader, or to another server that answers JSON with JSON.
type Client struct {
	base, token string
	http        *http.Client
}

// Dial returns a client of the server at HOST:PORT, or at the path of a unix socket. It does not
// connect yet: the server may start later. Every request has token.
func Dial(address, token string) *Client {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return &Client{"http://" + address, token, &http.Client{}}
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", address)
	}}
	return &Client{"http://socket", token, &http.Client{Transport: transport}}
}

// Ready waits until the loader answers.
func (c *Client) Ready(ctx context.Context) error {
	for {
		answer, err := c.http.Get(c.base + "/")
		if err == nil {
			return answer.Body.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the loader does not answer: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Run runs a task on the loader.
func (c *Client) Run(ctx context.Context, t Task) (*Result, error) {
	r := &Result{}
	return r, c.Post(ctx, "run", t, r)
}

// Serve lets the loader answer on ports.
func (c *Client) Serve(ctx context.Context, p Ports) error {
	return c.Post(ctx, "serve", p, &struct{}{})
}

// Post sends asked to the path called verb, and decodes the answer into answer. The error has the
// server's text if the server refuses.
func (c *Client) Post(ctx context.Context, verb string, asked, answer any) error {
	data, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/"+verb, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return fmt.Errorf("%s: %s", verb, bytes.TrimSpace(text))
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// Close closes the connections to the loader.
func (c *Client) Close() { c.http.CloseIdleConnections() }
