package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/internal/buildinfo"
)

// failed returns the error of an error answer. If the agent did not understand the call, the error
// says that the agent is of another build: an agent of the same build knows every call and field
// that this client sends.
func (t *transport) failed(ctx context.Context, answer *http.Response) error {
	err := failure(answer)
	if !notUnderstood(err) {
		return err
	}
	return fmt.Errorf("%w: mctr-agent at %s (%s) does not understand it, and this program is another build (%s) "+
		"(install both from one build)",
		err, t.options.Address, t.build(ctx), buildinfo.Self())
}

// build returns the build of the agent, if the agent tells it.
func (t *transport) build(ctx context.Context) string {
	const unknown = "of an unknown build"
	r, err := t.request(ctx, api.GetVersion, nil)
	if err != nil {
		return unknown
	}
	answer, err := t.http.Do(r)
	if err != nil {
		return unknown
	}
	defer answer.Body.Close()
	var found struct {
		Version api.Version `json:"get_version"`
	}
	v := &found.Version.VersionInfo
	if json.NewDecoder(answer.Body).Decode(&found) != nil || v.Version == "" {
		return unknown
	}
	return v.Version + ", commit " + v.GitSHA
}

// notUnderstood reports whether an agent refused an unknown call or field. It looks at the text of
// the error, which agents of all builds share; they send no code for this.
func notUnderstood(err error) bool {
	if !errors.Is(err, mctr.ErrInvalid) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "json: unknown field ") || strings.Contains(text, "no call of type ") ||
		strings.Contains(text, "a call of type ") && strings.Contains(text, " has no ")
}
