package isolatortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// NewContainer returns a container of config, with the directories that exist when Prepare is
// called; they are removed after the test. The container has an image unless config names none.
func NewContainer(t testing.TB, config mctr.ContainerConfig) *mctr.Container {
	t.Helper()
	c, err := (&scene{dir: t.TempDir(), config: &config}).container(0)
	if err != nil {
		t.Fatal(err)
	}
	if c.Image != nil {
		c.Image = &mctr.ImageConfig{}
	}
	return c
}

// Prepared returns the adjustment that i's Prepare returns for a new container of config, never
// nil.
func Prepared(t testing.TB, i isolators.Isolator, config mctr.ContainerConfig) *mctr.Adjustment {
	t.Helper()
	a, err := i.Prepare(context.Background(), NewContainer(t, config))
	if err != nil {
		t.Fatal("Prepare: ", err)
	}
	if a == nil {
		return &mctr.Adjustment{}
	}
	return a
}

// JSON returns v as one line of JSON, for comparisons with a fragment of config.json.
func JSON(t testing.TB, v any) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// A Refusal is a config that Check must refuse.
type Refusal struct {
	Config mctr.ContainerConfig
	Is     error  // ErrInvalid or ErrUnsupported
	Field  string // the error's text must have it: the path of the config's field, such as resources.memory.limit
}

// Refuses checks that i refuses each config with its sentinel, and names the field.
func Refuses(t *testing.T, i isolators.Isolator, refusals []Refusal) {
	t.Helper()
	for n, r := range refusals {
		t.Run(fmt.Sprintf("refuses/%d%s", n, r.Field), func(t *testing.T) {
			err := i.Check(context.Background(), &r.Config)
			if !errors.Is(err, r.Is) || !strings.Contains(err.Error(), r.Field) {
				t.Errorf("Check: %v, want %q that names %s", err, r.Is, r.Field)
			}
		})
	}
}

// Accepts checks that i accepts all of the configs.
func Accepts(t *testing.T, i isolators.Isolator, configs ...mctr.ContainerConfig) {
	t.Helper()
	for n, config := range configs {
		if err := i.Check(context.Background(), &config); err != nil {
			t.Errorf("Check of config %d: %v", n, err)
		}
	}
}
