package containerizer_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/testprogram"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/builtin"
)

// TestWrongSetUps wants what cannot work refused by New, with the option's name, before
// anything is made.
func TestWrongSetUps(t *testing.T) {
	dir := t.TempDir()
	root, state := filepath.Join(dir, "root"), filepath.Join(dir, "state")
	table := builtin.Table(builtin.Deps{Root: root, State: state})
	shim := testprogram.Find(t, "mctr-shim")
	right := func(more ...containerizer.Option) []containerizer.Option {
		return append([]containerizer.Option{
			containerizer.WithDirs(root, state), containerizer.WithShim(shim), containerizer.WithIsolators(table),
		}, more...)
	}
	for name, c := range map[string]struct {
		options []containerizer.Option
		says    string
	}{
		"no isolators": {right(containerizer.WithIsolators(nil)), "WithIsolators(builtin.Table(deps))"},
		"none were set": {[]containerizer.Option{containerizer.WithDirs(root, state),
			containerizer.WithShim(shim)}, "WithIsolators"},
		"a nil isolator": {right(containerizer.WithIsolators(append(table[:3:3], nil))), "number 3 is nil"},
		"one twice": {right(containerizer.WithIsolators(append(table[:3:3], table[0]))),
			"filesystem/linux"},
		"one without a name": {right(containerizer.WithIsolators([]isolators.Isolator{nameless{}})),
			"a name of its own"},
		"empty Deps": {right(containerizer.WithIsolators(builtin.Table(builtin.Deps{}))), "builtin.Deps"},
		"Deps of another ROOT": {right(
			containerizer.WithIsolators(builtin.Table(builtin.Deps{Root: root + "2", State: state}))), root + "2"},
		"Deps of another STATE": {right(
			containerizer.WithIsolators(builtin.Table(builtin.Deps{Root: root, State: state + "2"}))), state + "2"},
		"no directories":       {right(containerizer.WithDirs("", "")), "absolute"},
		"a relative directory": {right(containerizer.WithDirs("root", state)), "absolute"},
		"one directory":        {right(containerizer.WithDirs(root, root)), "are both"},
		"an unclean directory": {right(containerizer.WithDirs(root+"/../root", state)), "filepath.Clean"},
		"the root directory":   {right(containerizer.WithDirs("/", state)), "below /"},
		"no shim":              {right(containerizer.WithShim(filepath.Join(dir, "nosuch"))), "WithShim"},
		"no owner":             {right(containerizer.WithOwner("")), "WithOwner"},
	} {
		made, err := containerizer.New(t.Context(), c.options...)
		if err == nil {
			t.Errorf("%s: it is taken", name)
			_ = made.Close()
			continue
		}
		if !errors.Is(err, mctr.ErrInvalid) && !errors.Is(err, mctr.ErrNotFound) ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q in it", name, err, c.says)
		}
	}
	if made, _ := filepath.Glob(dir + "/*"); len(made) > 0 {
		t.Errorf("made %q", made)
	}
}

type nameless struct{ isolators.Base }

func (nameless) Name() string { return "" }

// TestNilConfig wants nil refused where a config is wanted.
func TestNilConfig(t *testing.T) {
	a := newAgent(t)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Check":       func() error { return a.Check(ctx, nil) },
		"Launch":      func() error { _, err := a.Launch(ctx, "job", nil, containerizer.LaunchOptions{}); return err },
		"Create":      func() error { return a.Create(ctx, "job", nil, nil) },
		"DryRun":      func() error { _, err := a.DryRun(ctx, nil); return err },
		"LaunchGroup": func() error { return a.LaunchGroup(ctx, "job", nil, containerizer.LaunchOptions{}) },
	} {
		if err := call(); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoMountNamespace wants a table that makes no container told so, by the launch that
// it cannot make.
func TestNoMountNamespace(t *testing.T) {
	a := newAgent(t)
	a.table = a.table[1:]
	c, err := a.tryOpen()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Launch(t.Context(), "job", a.config("true"), containerizer.LaunchOptions{})
	if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "filesystem/linux") {
		t.Errorf("got %v", err)
	}
}
