package fields_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr/internal/fields"
)

type base struct {
	ID string `json:"id"`
}

type port struct {
	Host int `json:"host"`
}

type request struct {
	base
	Ports  []port            `json:"ports,omitempty"`
	Parent *port             `json:"parent,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	At     time.Time         `json:"at"`
	Plain  bool
	Secret string `json:"-"`
	hidden bool
}

func TestOf(t *testing.T) {
	want := []string{"Plain", "at", "id", "labels", "parent", "parent.host", "ports", "ports.host"}
	if got := fields.Of(request{hidden: true}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMissing(t *testing.T) {
	known := fields.Of(request{})
	for _, c := range []struct{ data, want string }{
		{`{}`, ""},
		{`{"id":"a","ports":[{"host":1}],"labels":{"any":"thing"},"at":"2026-01-01T00:00:00Z","Plain":true}`, ""},
		{`{"new":0}`, "new"},
		{`{"new":{"x":1},"other":[]}`, "new other"},
		{`{"new":null}`, ""},
		{`{"ports":[{"host":1},{"host":1,"range":2},{"range":3}],"parent":{"pid":1}}`, "parent.pid ports.range"},
	} {
		got, err := fields.Missing([]byte(c.data), known)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, %v; want %q", c.data, got, err, c.want)
		}
	}
	if _, err := fields.Missing([]byte("{"), known); err == nil {
		t.Error("an invalid JSON text has fields")
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{`{"id":"a","ports":[{"host":1}]}`, ""},
		{`{"id":"a","ports":[{"host":1,"range":2}],"new":true}`, "unknown fields: new, ports.range"},
		{`{"id":1}`, "cannot unmarshal number"},
		{`{"id":"a"} {}`, "after top-level value"},
		{`{"id":`, "unexpected"},
	} {
		var r request
		err := fields.Decode([]byte(c.data), &r)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.data, err, c.want)
		}
		var unknown fields.Unknown
		if errors.As(err, &unknown) && r.ID != "a" {
			t.Errorf("%s: known fields are not decoded: %+v", c.data, r)
		}
	}
}
