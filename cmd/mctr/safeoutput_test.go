package main

import (
	"net/http"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr/internal/visible"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// evilText changes the title and colour of a terminal, and hides the text after it.
const evilText = "\x1b]0;owned\a\x1b[31m\u009b31m\r\u202eevil"

// TestForeignText checks that text from the config of an image or from a registry cannot control the
// terminal of the user.
func TestForeignText(t *testing.T) {
	h := newHost(t)
	image := imagetest.BusyboxWith(t, t.TempDir(), v1.ImageConfig{
		Cmd: []string{"sh", "-c", "exit 3 # " + evilText}, Labels: map[string]string{"evil": evilText},
		Env: []string{"EVIL=" + evilText}, StopSignal: evilText,
	})
	bad := imagetest.BusyboxWith(t, t.TempDir(),
		v1.ImageConfig{Cmd: []string{evilText}, User: evilText, WorkingDir: "/" + evilText})
	registry := imagetest.NewRegistry(t, func(r *imagetest.Registry) {
		r.Intercept = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write(
				[]byte(`{"errors":[{"code":"DENIED","message":"\u001b]0;owned\u0007\u009b31m\u202e"}]}` + "\x1b[31m"))
			return true
		}
	})
	plain := imagetest.NewRegistry(t, func(r *imagetest.Registry) {
		r.Intercept = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(evilText))
			return true
		}
	})
	for _, args := range [][]string{
		{"run", "-q", "--name", "evil", image},
		{"run", "-d", "-q", "--name", "away", image},
		{"ps", "-a", "--no-trunc"}, {"ps", "-a", "--no-trunc", "--format", "{{.Command}} {{.Labels}}"},
		{"ps", "-a", "--format", "json"},
		{"explain", "evil"}, {"explain", "--json", "evil"}, {"inspect", "evil"}, {"image", "inspect", image},
		{"logs", "--details", "evil"},
		{"events", "--no-follow"}, {"images"}, {"system", "df", "-v"},
		{"run", "--rm", "-q", bad}, {"run", "--rm", "-q", "-u", "root", bad}, {"create", bad},
		{"pull", registry.Host() + "/image:v1"}, {"pull", plain.Host() + "/image:v1"},
		{"login", "-u", "u", "-p", "p", registry.Host()},
		{"run", "--name", evilText, image}, {"run", "-v", evilText + ":/x", image}, {evilText}, {"ps", "--" + evilText},
		{"rm", evilText}, {"pull", evilText},
		{"ps", "--filter", evilText}, {"run", "--rm", "-q", image, "/" + evilText},
	} {
		r := h.mctr(args...)
		for _, out := range []string{r.stdout, r.stderr} {
			if out != visible.Text(out) || strings.Contains(out, "\x1b") {
				t.Errorf("mctr %q: %q", args, out)
			}
		}
	}
	if r := h.mctr("image", "inspect", "-f", `{{index .Config.Labels "evil"}}`, image); r.stdout != evilText+"\n" {
		t.Errorf("what a program asked for is changed: %q", r.stdout)
	}
	h.want(0, append([]string{"rm", "-f"}, strings.Fields(h.want(0, "ps", "-aq").stdout)...)...)
	h.wantClean()
}
