package calico_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
)

// told returns a client of a program that records its arguments and prints what the test wants. The
// tests of internal/calico run the real calicoctl.
func told(t *testing.T, script string) (*calico.Client, func() string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "calicoctl")
	content := "#!/bin/sh\nexec >" + dir +
		"/told\necho \"$@\"\nfor a; do case $a in --config=*) cat \"${a#--config=}\"; echo; cat \"${a#--config=}\" " +
		";; esac; done\necho\ncat\nexec >&5\n" + script + "\n"
	content = strings.Replace(content, "exec >"+dir, "exec 5>&1 >"+dir, 1)
	if err := os.WriteFile(program, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return &calico.Client{Program: program, Datastore: calico.Datastore{Endpoints: "http://192.0.2.1:2379"}},
		func() string {
			data, err := os.ReadFile(filepath.Join(dir, "told"))
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
}

func TestClientTells(t *testing.T) {
	c, said := told(t, "")
	r, err := (&calico.Policy{Name: "a"}).Resource()
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []struct {
		do   func() error
		args string
	}{
		{func() error { return c.Apply(t.Context(), r) }, "apply --filename=-"},
		{func() error { return c.Create(t.Context(), r) }, "create --filename=-"},
		{func() error { return c.Delete(t.Context(), "NetworkPolicy", "", "a", "b") },
			"delete NetworkPolicy a b --namespace=default"},
		{func() error { return c.Delete(t.Context(), "IPPool", "", "a") }, "delete IPPool a"},
	} {
		if err := call.do(); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(said(), call.args+" --config=") ||
			strings.Count(said(), `"etcdEndpoints":"http://192.0.2.1:2379"`) != 2 {
			t.Errorf("%s: told %s", call.args, said())
		}
	}
}

func TestClientRefuses(t *testing.T) {
	c := &calico.Client{Program: "/nonexistent"}
	for _, err := range []error{
		c.Delete(t.Context(), "NetworkPolicy", "", "--all"),
		c.Delete(t.Context(), "NetworkPolicy", "-x", "a"),
		c.Delete(t.Context(), "Node", "", "a"),
		c.Delete(t.Context(), "IPPool", "", ""),
	} {
		if !errors.Is(err, mctr.ErrInvalid) {
			t.Error(err)
		}
	}
	if _, err := c.List(t.Context(), "Node"); !errors.Is(err, mctr.ErrInvalid) {
		t.Error(err)
	}
}

func TestClientErrors(t *testing.T) {
	for said, want := range map[string]error{
		"resource does not exist: IPPool(a) with error: <nil>": mctr.ErrNotFound,
		"resource already exists: IPPool(a)":                   mctr.ErrExists,
		"dial tcp 192.0.2.1:2379: connect: connection refused": mctr.ErrUnavailable,
		"something else": nil,
	} {
		c, _ := told(t, "echo '"+said+"' >&2; exit 1")
		_, err := c.Get(t.Context(), "IPPool", "", "a")
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v", said, err)
		}
	}
	c, _ := told(t, "echo '{'")
	if _, err := c.List(t.Context(), "Profile"); err == nil {
		t.Error("half an answer passes")
	}
	c, _ = told(t, "exec sleep 60")
	c.Timeout = 100 * time.Millisecond
	if _, err := c.List(t.Context(), "Profile"); !errors.Is(err, mctr.ErrUnavailable) ||
		!strings.Contains(err.Error(), "192.0.2.1") {
		t.Error(err)
	}
}

func TestClientReads(t *testing.T) {
	c, _ := told(t,
		`echo '{"items": [{"metadata": {"name": "a"}, "spec": {"tier": "of a newer Calico", "order": 1}}]}'`)
	all, err := c.List(t.Context(), "NetworkPolicy")
	if err != nil || len(all) != 1 || all[0].GetName() != "a" || calico.KindOf(all[0]) != "NetworkPolicy" {
		t.Error(all, err)
	}
}
