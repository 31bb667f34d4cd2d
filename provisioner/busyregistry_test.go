package provisioner_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
	"github.com/mctr/mctr/provisioner/puller"
)

// TestBusyRegistry: a server that says when it is to be asked again is asked then,
// whatever it was asked for.
func TestBusyRegistry(t *testing.T) {
	inASecond := func() string { return "1" }
	for name, c := range map[string]struct {
		path   string
		status int
		after  func() string
	}{
		"probe":    {"/v2/", 429, inASecond},
		"token":    {"/token", 429, inASecond},
		"manifest": {"/manifests/", 429, inASecond},
		"blob":     {"/blobs/", 503, inASecond},
		"date": {"/manifests/", 503, func() string {
			return time.Now().Add(time.Second).UTC().Format(http.TimeFormat)
		}},
		"unsaid": {"/blobs/", 429, func() string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused atomic.Int32
			r := imagetest.NewRegistry(t)
			ref := r.Push(t, "image", "v1", imagetest.Simple(t, "x"))
			inner := r.Config.Handler
			r.Basic, r.Bearer = "u:p", true
			r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				matches := req.URL.Path == c.path || c.path != "/v2/" && strings.Contains(req.URL.Path, c.path)
				if matches && refused.Add(1) <= 2 {
					if after := c.after(); after != "" {
						w.Header().Set("Retry-After", after)
					}
					w.WriteHeader(c.status)
					return
				}
				inner.ServeHTTP(w, req)
			})
			p, _ := newProvisioner(t, provisioner.WithAuth(func(string, string) (puller.Credentials, error) {
				return puller.Credentials{Username: "u", Password: "p"}, nil
			}))
			told := 0
			progress := func(e provisioner.Event) {
				if e.Kind == provisioner.Waiting && e.Wait > 0 && e.Host == strings.TrimPrefix(r.URL, "http://") {
					told++
				}
			}
			if _, err := p.Pull(context.Background(), ref, provisioner.PullOptions{Progress: progress}); err != nil ||
				refused.Load() < 3 || told < 2 {
				t.Errorf("after %d refusals, %d of them told: %v", refused.Load(), told, err)
			}
		})
	}
}

// TestBusyForLong: what is named longer than anybody waits, or a caller who goes, ends it.
func TestBusyForLong(t *testing.T) {
	for _, c := range []struct {
		after  string
		cancel bool
		want   error
	}{{"100000", false, puller.ErrBusy}, {"60", true, context.Canceled}} {
		var asked atomic.Int32
		r := imagetest.NewRegistry(t, func(r *imagetest.Registry) {
			r.Intercept = func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.Contains(req.URL.Path, "/blobs/") || req.Method != http.MethodGet {
					return false
				}
				asked.Add(1)
				w.Header().Set("Retry-After", c.after)
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
		})
		ref := r.Push(t, "image", "v1", imagetest.Simple(t, "x"))
		p, _ := newProvisioner(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if c.cancel {
			time.AfterFunc(time.Second, cancel)
		}
		begun := time.Now()
		_, err := p.Pull(ctx, ref, provisioner.PullOptions{})
		if !errors.Is(err, c.want) || errors.Is(c.want, puller.ErrBusy) && !errors.Is(err, mctr.ErrUnavailable) ||
			time.Since(begun) > 10*time.Second || asked.Load() > 2 {
			t.Errorf("Retry-After %s: after %v and %d requests: %v", c.after, time.Since(begun), asked.Load(), err)
		}
	}
}

// TestResumeRefused: a server that does not go on where a download was cut off is
// asked for the whole.
func TestResumeRefused(t *testing.T) {
	for name, refuse := range map[string]func(http.ResponseWriter){
		"416":       func(w http.ResponseWriter) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
		"elsewhere": func(w http.ResponseWriter) { w.Header().Set("Content-Range", "bytes 1-2/3"); w.WriteHeader(206) },
	} {
		var cut atomic.Bool
		var refused atomic.Int32
		r := imagetest.NewRegistry(t)
		ref := r.Push(t, "image", "v1", big(t, 1<<20))
		inner := r.Config.Handler
		r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			switch {
			case req.Header.Get("Range") != "":
				refused.Add(1)
				refuse(w)
			case strings.Contains(req.URL.Path, "/blobs/") && !cut.Load():
				inner.ServeHTTP(&cutter{ResponseWriter: w, left: 300 << 10, cut: &cut}, req)
			default:
				inner.ServeHTTP(w, req)
			}
		})
		p, _ := newProvisioner(t)
		if _, err := p.Pull(context.Background(), ref, provisioner.PullOptions{}); err != nil || refused.Load() == 0 {
			t.Errorf("%s: %d times refused: %v", name, refused.Load(), err)
		}
	}
}

// A cutter breaks an answer off.
type cutter struct {
	http.ResponseWriter
	left int
	cut  *atomic.Bool
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 && c.cut.CompareAndSwap(false, true) {
		_, _ = c.ResponseWriter.Write(p[:len(p)/2])
		panic(http.ErrAbortHandler)
	}
	return c.ResponseWriter.Write(p)
}

// TestOpenProbe: a registry that lets everybody look at /v2/ may still guard its
// repositories.
func TestOpenProbe(t *testing.T) {
	for _, bearer := range []bool{true, false} {
		r := imagetest.NewRegistry(t)
		ref := r.Push(t, "image", "v1", imagetest.Simple(t, "x"))
		r.Basic, r.Bearer, r.OpenProbe = "u:p", bearer, true
		for password, ok := range map[string]bool{"p": true, "wrong": false} {
			p, _ := newProvisioner(t, provisioner.WithAuth(func(string, string) (puller.Credentials, error) {
				return puller.Credentials{Username: "u", Password: password}, nil
			}))
			if _, err := p.Pull(context.Background(), ref, provisioner.PullOptions{}); (err == nil) != ok {
				t.Errorf("bearer: %v, password %s: %v", bearer, password, err)
			}
		}
	}
}
