package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/fields"
)

// A client and a shim may come from different builds, because programs are replaced one by one and
// a container outlives the replacement. A JSON decoder ignores unknown fields. So each side reports
// in its [Hello] what it understands, and the other side sends nothing else. A new field or verb
// needs no further change; a new stream of chunks needs a name beside [Counted].

// Counted is reported by a client that sends no more stdin than [Window] and Credit allow.
const Counted = "credit"

var verbs = []string{
	VerbEnter, VerbCreate, VerbStart, VerbSignal, VerbDestroy, VerbExec, VerbAttach, VerbUpdate, VerbPause, VerbResume,
	VerbResize, VerbWait, VerbState, VerbClean,
}

// Understood returns what a shim of this build understands: verbs, and the paths of the fields of
// requests.
var Understood = sync.OnceValue(func() []string { return slices.Concat(verbs, fields.Of(Request{})) })

// askedBy names what a user asks for, by the path of the field that carries it.
var askedBy = map[string]string{
	"scope": "cgroup manager systemd", "create.runtime": "config.runtime", "create.parent": "a nested container",
	"create.hold":  "config.ports",
	"create.watch": "health.command, listen.ports", "create.maxTime": "max_completion",
	"exec.whole": "a session of an agent's",
}

// Early is what every shim understands, including those whose Hello does not report it. It never
// grows.
var Early = []string{
	"verb", VerbStart, VerbWait, "wait.clean", VerbClean, VerbState, VerbPause, VerbResume,
	VerbSignal, "signal.signal", "signal.all", VerbDestroy, "destroy.why",
	VerbExec, "exec.process", "exec.stdin", "exec.detach", VerbAttach, "attach.stdin", "attach.output",
	"attach.primary", VerbUpdate, VerbResize, "resize.width", "resize.height",
}

// Silent reports whether h comes from a build whose hellos do not report what their sender
// understands.
func (h Hello) Silent() bool { return len(h.Understands) == 0 }

// Knows reports whether the sender of h understands what, a verb or the path of a field.
func (h Hello) Knows(what string) bool { return slices.Contains(h.understands(), what) }

func (h Hello) understands() []string {
	if h.Silent() {
		return Early
	}
	return h.Understands
}

// Lacks returns the parts of r that the sender of h does not understand and would ignore.
func (h Hello) Lacks(r Request) ([]string, error) {
	known := h.understands()
	if slices.Equal(known, Understood()) {
		return nil, nil
	}
	if !slices.Contains(known, r.Verb) {
		return []string{r.Verb}, nil
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	missing, err := fields.Missing(body, known)
	for i, path := range missing {
		if flag := askedBy[path]; flag != "" {
			missing[i] = fmt.Sprintf("%s (%s)", path, flag)
		}
	}
	return missing, err
}

// ShimHello returns the Hello of a shim of this build.
func ShimHello() Hello { return hello(Understood()...) }

// ClientHello returns the Hello of a client.
func ClientHello() Hello { return hello(Counted) }

func hello(understands ...string) Hello {
	return Hello{Protocol: Version, Min: Min, Pid: os.Getpid(), Build: buildinfo.Self().String(),
		Understands: understands}
}

// ReadRequest receives a request. If a part of it is unknown to this build, ReadRequest refuses the
// whole request, even though the sender should have read the Hello. That error wraps
// mctr.ErrUnsupported, and the next request can be read.
func ReadRequest(r io.Reader) (request Request, err error) {
	body, err := readFrame(r)
	if err != nil {
		return request, err
	}
	err = fields.Decode(body, &request)
	unknown, refused := errors.AsType[fields.Unknown](err)
	if err == nil && !slices.Contains(verbs, request.Verb) {
		unknown, refused = fields.Unknown{"verb " + request.Verb}, true
	}
	if !refused {
		return request, broken(err)
	}
	return Request{}, &mctr.UnsupportedError{
		Feature: strings.Join(unknown, ", "), Remedy: "keep mctr's programs together, of one build",
		Why: fmt.Sprintf("the mctr-shim that was asked (%s) does not understand it", buildinfo.Self()),
	}
}
