package imagetest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Registry is a real registry on loopback that counts requests and fails on demand. Set its
// fields before the first request.
type Registry struct {
	*httptest.Server

	// CutAfter, if not zero, cuts each response with a blob off after this number of bytes.
	CutAfter int
	// Basic is the "user:password" that clients have to send; empty: none.
	Basic string
	// Bearer demands Basic only at /token, and the token from there everywhere else.
	Bearer bool
	// OpenProbe makes /v2/ public, whatever the other fields demand.
	OpenProbe bool
	// NoRange makes the registry ignore the Range header, as some servers do.
	NoRange bool
	// Intercept, if set, returns true for requests that it has answered itself.
	Intercept func(http.ResponseWriter, *http.Request) bool

	mu     sync.Mutex // guards asked
	asked  map[string]int
	ranges []string
}

// NewRegistry starts a registry, which is closed at the end of the test. Fields that a process
// other than the test's needs must be changed by set, before the start.
func NewRegistry(tb testing.TB, set ...func(*Registry)) *Registry {
	r := &Registry{asked: map[string]int{}}
	for _, s := range set {
		s(r)
	}
	r.Server = httptest.NewServer(r.handler())
	tb.Cleanup(r.Close)
	return r
}

// NewTLSRegistry is NewRegistry with TLS and a certificate of an unknown authority.
func NewTLSRegistry(tb testing.TB) *Registry {
	r := &Registry{asked: map[string]int{}}
	r.Server = httptest.NewUnstartedServer(r.handler())
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	tb.Cleanup(r.Close)
	return r
}

// Host returns the registry's host:port.
func (r *Registry) Host() string { return strings.SplitN(r.URL, "://", 2)[1] }

// Asked returns the number of GET requests for the blob or manifest with this digest, or for any
// path with this suffix.
func (r *Registry) Asked(suffix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for path, times := range r.asked {
		if strings.HasSuffix(path, suffix) {
			n += times
		}
	}
	return n
}

// Ranges lists the Range headers of all requests that had one.
func (r *Registry) Ranges() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.ranges...)
}

func (r *Registry) handler() http.Handler {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.note(req)
		switch {
		case req.Method != http.MethodGet && req.Method != http.MethodHead:
			inner.ServeHTTP(w, req)
		case r.Basic != "" && !r.allowed(w, req):
		case r.Intercept != nil && r.Intercept(w, req):
		default:
			r.serve(inner, w, req)
		}
	})
}

func (r *Registry) note(req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.Method == http.MethodGet {
		r.asked[req.URL.Path]++
	}
	if h := req.Header.Get("Range"); h != "" {
		r.ranges = append(r.ranges, h)
	}
}

// allowed checks credentials and responds to requests that lack them.
func (r *Registry) allowed(w http.ResponseWriter, req *http.Request) bool {
	user, password, _ := req.BasicAuth()
	shown := user+":"+password == r.Basic
	if r.OpenProbe && req.URL.Path == "/v2/" {
		return true
	}
	switch {
	case r.Bearer && req.URL.Path == "/token" && shown:
		fmt.Fprint(w, `{"token":"secret-token"}`)
		return false
	case r.Bearer && req.Header.Get("Authorization") == "Bearer secret-token", !r.Bearer && shown:
		return true
	}
	challenge := `Basic realm="test"`
	if r.Bearer {
		challenge = fmt.Sprintf(`Bearer realm="%s/token",service="test"`, r.URL)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

func (r *Registry) serve(inner http.Handler, w http.ResponseWriter, req *http.Request) {
	if r.NoRange {
		req.Header.Del("Range")
	}
	if r.CutAfter == 0 || !strings.Contains(req.URL.Path, "/blobs/") {
		inner.ServeHTTP(w, req)
		return
	}
	whole := httptest.NewRecorder()
	inner.ServeHTTP(whole, req)
	for k, v := range whole.Header() {
		w.Header()[k] = v
	}
	body := whole.Body.Bytes()
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body[:min(len(body), r.CutAfter)])
	if len(body) > r.CutAfter {
		panic(http.ErrAbortHandler)
	}
}

// Push uploads c to the repository and returns the reference of the tag.
func (r *Registry) Push(tb testing.TB, repository, tag string, c Content) string {
	tb.Helper()
	push(tb, r.Client(), r.URL, repository, tag, c)
	return r.Host() + "/" + repository + ":" + tag
}

// PushTo is Push to a registry at url that needs no credentials.
func PushTo(tb testing.TB, url, repository, tag string, c Content) string {
	tb.Helper()
	push(tb, http.DefaultClient, url, repository, tag, c)
	return strings.SplitN(url, "://", 2)[1] + "/" + repository + ":" + tag
}

func push(tb testing.TB, client *http.Client, url, repository, tag string, c Content) {
	tb.Helper()
	base := url + "/v2/" + repository
	var manifests []v1.Descriptor
	for d, data := range c.Blobs {
		if mt := mediaTypeOf(data); mt != "" {
			manifests = append(manifests, v1.Descriptor{MediaType: mt, Digest: d, Size: int64(len(data))})
			continue
		}
		pushBlob(tb, client, base, d, data)
	}
	// A document is accepted only after the documents that it names.
	for range manifests {
		for _, m := range manifests {
			put(tb, client, base+"/manifests/"+m.Digest.String(), m.MediaType, c.Blobs[m.Digest], false)
		}
	}
	put(tb, client, base+"/manifests/"+tag, c.Top.MediaType, c.Blobs[c.Top.Digest], true)
}

func mediaTypeOf(data []byte) string {
	for _, mt := range []string{
		v1.MediaTypeImageManifest, v1.MediaTypeImageIndex,
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.distribution.manifest.list.v2+json",
	} {
		if bytes.Contains(data, []byte(`"schemaVersion":2,"mediaType":"`+mt+`"`)) {
			return mt
		}
	}
	return ""
}

func pushBlob(tb testing.TB, client *http.Client, base string, d digest.Digest, data []byte) {
	tb.Helper()
	resp, err := client.Post(base+"/blobs/uploads/", "", nil)
	if err != nil {
		tb.Fatal(err)
	}
	_ = resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		tb.Fatalf("start upload: %s: %v", resp.Status, err)
	}
	q := to.Query()
	q.Set("digest", d.String())
	to.RawQuery = q.Encode()
	put(tb, client, to.String(), "application/octet-stream", data, true)
}

func put(tb testing.TB, client *http.Client, url, mediaType string, data []byte, must bool) {
	tb.Helper()
	req, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(data))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); must && resp.StatusCode >= 300 {
		tb.Fatalf("PUT %s: %s: %s", url, resp.Status, body)
	}
}
