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

// A client and a shim may be of different builds: programs are replaced one by one, and
// a container outlives that. JSON passes over what its reader does not know, so each
// side says in its [Hello] what it understands of the other, and the other does not send
// more. New fields and verbs need nothing but to be there; a new kind of Chunk needs a
// name beside [Counted].

// Counted is of a client that sends no more of stdin than [Window] and Credit let it.
const Counted = "credit"

var verbs = []string{
	VerbEnter, VerbCreate, VerbStart, VerbSignal, VerbDestroy, VerbExec, VerbAttach, VerbUpdate, VerbPause, VerbResume,
	VerbResize, VerbWait, VerbState, VerbClean,
}

// Understood is what a shim of this build understands: verbs, and fields of requests by
// their paths.
var Understood = sync.OnceValue(func() []string { return slices.Concat(verbs, fields.Of(Request{})) })

// askedBy is how users ask for what they would not know by its path.
var askedBy = map[string]string{
	"scope": "cgroup manager systemd", "create.runtime": "config.runtime", "create.parent": "a nested container",
	"create.hold":  "config.ports",
	"create.watch": "health.command, listen.ports", "create.maxTime": "max_completion",
	"exec.whole": "a session of an agent's",
}

// Early is what every shim has understood, also one from before they said so. It does
// not grow.
var Early = []string{
	"verb", VerbStart, VerbWait, "wait.clean", VerbClean, VerbState, VerbPause, VerbResume,
	VerbSignal, "signal.signal", "signal.all", VerbDestroy, "destroy.why",
	VerbExec, "exec.process", "exec.stdin", "exec.detach", VerbAttach, "attach.stdin", "attach.output",
	"attach.primary", VerbUpdate, VerbResize, "resize.width", "resize.height",
}

// Silent reports whether h is of a build from before hellos said what their senders understand.
func (h Hello) Silent() bool { return len(h.Understands) == 0 }

// Knows reports whether the sender of h understands what.
func (h Hello) Knows(what string) bool { return slices.Contains(h.understands(), what) }

func (h Hello) understands() []string {
	if h.Silent() {
		return Early
	}
	return h.Understands
}

// Lacks are the parts of r that the sender of h does not understand, and would pass over.
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

// ShimHello is the Hello of a shim of this build.
func ShimHello() Hello { return hello(Understood()...) }

// ClientHello is the Hello of a client.
func ClientHello() Hello { return hello(Counted) }

func hello(understands ...string) Hello {
	return Hello{Protocol: Version, Min: Min, Pid: os.Getpid(), Build: buildinfo.Self().String(),
		Understands: understands}
}

// ReadRequest receives a request. One that asks for more than this build understands is
// refused whole, also where its sender did not heed the Hello: that error wraps
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
