package network

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/network/load"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/fields"
)

// A Start asks a side to start a loader.
type Start struct {
	Name    string     `json:"name"`
	Where   string     `json:"where"`
	Network string     `json:"network"`
	Serve   bool       `json:"serve"`
	Ports   load.Ports `json:"ports"`
}

// Started is the answer to a Start.
type Started struct {
	Address string `json:"address"`
	MTU     int    `json:"mtu"`
}

// A question is a request to a side. The verb decides which fields count.
type question struct {
	Start   Start     `json:"start,omitzero"`
	Name    string    `json:"name,omitempty"`
	Network string    `json:"network,omitempty"`
	Address string    `json:"address,omitempty"`
	Task    load.Task `json:"task,omitzero"`
	Count   int       `json:"count,omitempty"`
}

// A host is a side in this process or in another one.
type host interface {
	Start(ctx context.Context, a Start) (*Started, error)
	Route(ctx context.Context, network, address string) error
	Run(ctx context.Context, name string, t load.Task) (*load.Result, error)
	CPU(ctx context.Context, name string) (uint64, error)
	Attach(ctx context.Context, network string, count int) (*Attachments, error)
	Facts(ctx context.Context) (*Facts, error)
	Close(ctx context.Context) error
}

// A door accepts the other side: for a side that exists already, or for one that is opened when the
// other side has said hello.
type door struct {
	open func(peer netip.Addr) (*Side, error)

	mu   sync.Mutex
	side *Side
}

// hello opens the side for a peer.
func (d *door) hello(address string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.side != nil {
		return fmt.Errorf("%w: a client is served already", mctr.ErrState)
	}
	peer, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	d.side, err = d.open(peer)
	return err
}

func (d *door) opened() (*Side, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.side == nil {
		return nil, fmt.Errorf("%w: say hello first", mctr.ErrState)
	}
	return d.side, nil
}

// verbs are the requests that a side answers.
var verbs = map[string]func(context.Context, *Side, question) (any, error){
	"start": func(ctx context.Context, s *Side, q question) (any, error) { return s.Start(ctx, q.Start) },
	"route": func(ctx context.Context, s *Side, q question) (any, error) {
		return nil, s.Route(ctx, q.Network, q.Address)
	},
	"run":    func(ctx context.Context, s *Side, q question) (any, error) { return s.Run(ctx, q.Name, q.Task) },
	"cpu":    func(ctx context.Context, s *Side, q question) (any, error) { return s.CPU(ctx, q.Name) },
	"attach": func(ctx context.Context, s *Side, q question) (any, error) { return s.Attach(ctx, q.Network, q.Count) },
	"facts":  func(ctx context.Context, s *Side, _ question) (any, error) { return s.Facts(ctx) },
}

// Serve answers requests at l until ctx ends. It calls done when the other side has no more
// requests. A client that has the token can launch programs here as root.
func Serve(ctx context.Context, l net.Listener, token string, d *door, done func()) error {
	mux := http.NewServeMux()
	take := func(verb string, do func(context.Context, question) (any, error)) {
		mux.HandleFunc("POST /"+verb, func(w http.ResponseWriter, r *http.Request) { answer(w, r, token, do) })
	}
	for verb, do := range verbs {
		take(verb, func(ctx context.Context, q question) (any, error) {
			side, err := d.opened()
			if err != nil {
				return nil, err
			}
			return do(ctx, side, q)
		})
	}
	take("hello", func(_ context.Context, q question) (any, error) { return nil, d.hello(q.Address) })
	take("close", func(context.Context, question) (any, error) { done(); return nil, nil })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(bounded)
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func answer(w http.ResponseWriter, r *http.Request, token string, do func(context.Context, question) (any, error)) {
	if token != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
		http.Error(w, "the token is wrong", http.StatusUnauthorized)
		return
	}
	q, err := read(r.Body)
	var told any
	if err == nil {
		told, err = do(r.Context(), q)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(told) // fails only if the other side has closed the connection
}

// read reads a question. It refuses unknown fields, which a different build of mctr-bench may send:
// ignoring them would change what is measured.
func read(r io.Reader) (q question, err error) {
	data, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err == nil {
		err = fields.Decode(data, &q)
	}
	if unknown := (fields.Unknown)(nil); errors.As(err, &unknown) {
		err = fmt.Errorf("%w: this mctr-bench (%s) and the one that asks are of different builds: %w",
			mctr.ErrUnsupported, buildinfo.Self(), err)
	}
	return q, err
}

// A remote is a side in another process or on another machine.
type remote struct{ client *load.Client }

// dial returns the side at HOST:PORT, or at the path of a unix socket.
func dial(address, token string) *remote { return &remote{load.Dial(address, token)} }

func (r *remote) Start(ctx context.Context, a Start) (*Started, error) {
	s := &Started{}
	return s, r.client.Post(ctx, "start", question{Start: a}, s)
}

func (r *remote) Route(ctx context.Context, network, address string) error {
	var nothing any
	return r.client.Post(ctx, "route", question{Network: network, Address: address}, &nothing)
}

func (r *remote) Run(ctx context.Context, name string, t load.Task) (*load.Result, error) {
	result := &load.Result{}
	return result, r.client.Post(ctx, "run", question{Name: name, Task: t}, result)
}

func (r *remote) CPU(ctx context.Context, name string) (nanos uint64, err error) {
	err = r.client.Post(ctx, "cpu", question{Name: name}, &nanos)
	return nanos, err
}

func (r *remote) Attach(ctx context.Context, network string, count int) (*Attachments, error) {
	a := &Attachments{}
	return a, r.client.Post(ctx, "attach", question{Network: network, Count: count}, a)
}

func (r *remote) Facts(ctx context.Context) (*Facts, error) {
	f := &Facts{}
	return f, r.client.Post(ctx, "facts", question{}, f)
}

// Hello opens the side for a peer with this address.
func (r *remote) Hello(ctx context.Context, self string) error {
	var nothing any
	return r.client.Post(ctx, "hello", question{Address: self}, &nothing)
}

// Close asks the side to clean up and exit.
func (r *remote) Close(ctx context.Context) error {
	var nothing any
	return r.client.Post(ctx, "close", question{}, &nothing)
}
