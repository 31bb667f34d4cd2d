package server

import (
	"cmp"
	"context"
	_ "embed" // for Description
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/server/files"
	"github.com/mctr/mctr/containerizer"
)

// Description is the OpenAPI document of the API.
//
//go:generate go run ./internal/genopenapi
//go:embed openapi.yaml
var Description []byte

// maxScrapes bounds the number of concurrent scrapes of the metrics.
const maxScrapes = 16

// Options are the options of a Server. Without Local the server can only refuse calls.
type Options struct {
	Local     *agent.Local
	Owner     string // owner of the containers that this agent launches
	Version   api.VersionInfo
	Recovered *containerizer.Recovered // what the agent found when it started
	Log       slog.Handler
	BodyTime  time.Duration // time limit for a call to arrive; 0: BodyTime
	StallTime time.Duration // time limit for a part of an archive to arrive or be read; 0: 2 min
}

// A Server answers calls. New returns one.
type Server struct {
	Options
	log      *slog.Logger
	files    files.Tree
	verbs    map[string]Verb
	sessions *sessions
	metrics  *metrics
	registry *prometheus.Registry

	mu    sync.Mutex
	ended map[mctr.ContainerID]*mctr.Termination // found by recovery
}

// New returns a server with the options o.
func New(o Options) *Server {
	if o.Local == nil {
		o.Local = &agent.Local{}
	}
	if o.Recovered == nil {
		o.Recovered = &containerizer.Recovered{}
	}
	o.BodyTime, o.StallTime = cmp.Or(o.BodyTime, BodyTime), cmp.Or(o.StallTime, stallTime)
	s := &Server{
		Options: o, log: slog.New(o.Log), files: files.Tree{Containers: o.Local.Containerizer},
		sessions: &sessions{byID: map[mctr.ContainerID]*session{}},
		registry: prometheus.NewRegistry(), ended: maps.Clone(o.Recovered.Ended),
	}
	s.metrics = newMetrics(s.registry, s)
	s.verbs = map[string]Verb{}
	for _, v := range s.declarations() {
		s.verbs[v.Name] = v
	}
	return s
}

// Watch counts the events of containers, for the metrics, until ctx ends.
func (s *Server) Watch(ctx context.Context) error { return s.metrics.watch(ctx, s.Local) }

// Handler serves the whole API. It does not authenticate clients; see [Authenticated].
func (s *Server) Handler() http.Handler {
	mux := s.observed()
	mux.HandleFunc("POST "+api.Path, s.serveCall)
	mux.HandleFunc("GET /files/browse", s.serveBrowse)
	mux.HandleFunc("GET /files/read", s.serveRead)
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(Description) // an error means that the client has disconnected
	})
	return mux
}

// Metrics serves only /metrics and /healthz.
func (s *Server) Metrics() http.Handler { return s.observed() }

// Routes returns the paths that Handler serves, as they are in the OpenAPI document.
func Routes() []string {
	return []string{api.Path, "/files/browse", "/files/read", "/healthz", "/metrics", "/openapi.yaml"}
}

func (s *Server) observed() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics",
		promhttp.HandlerFor(s.registry,
			promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { serveUnknown(mux, w, r) })
	return mux
}

// serveUnknown answers requests that no other handler serves, with an error in JSON like all others.
func serveUnknown(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host}); pattern != "/" {
			w.Header().Set("Allow", method)
			writeFailure(w, http.StatusMethodNotAllowed,
				fmt.Errorf("%w: %.20q %s: want %s", mctr.ErrInvalid, r.Method, r.URL.Path, method))
			return
		}
	}
	writeFailure(w, http.StatusNotFound, fmt.Errorf("%w: nothing is served at %.200q", mctr.ErrNotFound, r.URL.Path))
}

// Answers fails if the agent cannot list its containers. Then it should be restarted.
func (s *Server) Answers() error {
	_, err := s.Local.Containers(context.Background())
	return err
}

// Healthy fails if the agent cannot do its work: see Containerizer.Condition.
func (s *Server) Healthy() error {
	return s.Local.Condition()
}

func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	if err := s.Healthy(); err != nil {
		writeFailure(w, http.StatusServiceUnavailable, err)
		return
	}
	_, _ = w.Write([]byte("ok\n")) // an error means that the client has disconnected
}

// recovered returns the termination of a container that exited and was removed automatically while
// no agent was running. For other containers it returns err.
func (s *Server) recovered(id mctr.ContainerID, err error) (*mctr.Termination, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.ended[id]; t != nil && errors.Is(err, mctr.ErrNotFound) {
		return t, nil
	}
	return nil, err
}

// forget drops the termination that recovery found of a container, and reports whether it had one.
func (s *Server) forget(id mctr.ContainerID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, had := s.ended[id]
	delete(s.ended, id)
	return had
}
