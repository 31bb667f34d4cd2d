package provisioner

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestErrorsBeginWithTheirCause wants errors of pulls and loads to begin with the kind of
// error and what is wrong, and to name the image, the host and the file once.
func TestErrorsBeginWithTheirCause(t *testing.T) {
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
	}))
	defer registry.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	there, nobody := strings.TrimPrefix(registry.URL, "http://"), strings.TrimPrefix(gone.URL, "http://")
	p, err := New(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	layout := filepath.Dir(dir)
	for ref, want := range map[string]struct{ first, object string }{
		there + "/web:1":  {"not found: MANIFEST_UNKNOWN: manifest unknown", "(pull " + there + "/web:1)"},
		nobody + "/web:1": {"unavailable: no server listens", "(pull " + nobody + "/web:1)"},
		"oci:" + dir + "/nosuch": {"not found: open " + dir + "/nosuch: no such file",
			"(pull oci:" + dir + "/nosuch)"},
		"oci-archive:" + empty:    {"", "(pull oci-archive:" + empty + ")"},
		"docker-archive:" + empty: {"", "(pull docker-archive:" + empty + ")"},
		"docker-archive:" + dir:   {"", "(pull docker-archive:" + dir + ")"},
		"oci:" + layout:           {"not found: openat index.json: no such file", "(pull oci:" + layout + ")"},
	} {
		_, err := p.Pull(t.Context(), ref, PullOptions{})
		wantCauseFirst(t, err, want.first, want.object, ref)
	}
	f, err := os.Open(empty)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = p.Load(t.Context(), f, empty, LoadOptions{})
	wantCauseFirst(t, err, "", "(load "+empty+")", empty)
}

func wantCauseFirst(t *testing.T, err error, first, object, name string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	text := err.Error()
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text, object) || strings.Count(text, name) != 1 {
		t.Errorf("%s:\n%s", name, text)
	}
}
