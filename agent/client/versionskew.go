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

// failed is failure, and what an agent does not understand of a call is blamed on its
// build: it refuses calls and fields by name, and this client writes none that it does
// not have itself.
func (t *transport) failed(ctx context.Context, answer *http.Response) error {
	err := failure(answer)
	if !notUnderstood(err) {
		return err
	}
	return fmt.Errorf("%w: mctr-agent at %s (%s) does not understand it, and this program is another build (%s) "+
		"(install both from one build)",
		err, t.options.Address, t.build(ctx), buildinfo.Self())
}

// build is the agent's, as far as it says.
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
	var told struct {
		Version api.Version `json:"get_version"`
	}
	v := &told.Version.VersionInfo
	if json.NewDecoder(answer.Body).Decode(&told) != nil || v.Version == "" {
		return unknown
	}
	return v.Version + ", commit " + v.GitSHA
}

// notUnderstood reports whether an agent refused what it does not know: by the words of its
// own and of encoding/json, for agents of all builds say nothing else.
func notUnderstood(err error) bool {
	if !errors.Is(err, mctr.ErrInvalid) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "json: unknown field ") || strings.Contains(text, "no call of type ") ||
		strings.Contains(text, "a call of type ") && strings.Contains(text, " has no ")
}
