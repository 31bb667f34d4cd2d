package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
)

// The contenders' names.
const (
	library   = "mctr library"
	cli       = "mctr run --rm"
	runc      = "runc run"
	runcAgain = "runc run, again"
	crun      = "crun run"
)

// contenders returns the contenders of one race.
func (g *rig) contenders(ctx context.Context) []*contender {
	runcArgs := []string{"runc", "--root", g.own("runc"), "run", "--bundle", g.bundle}
	crunArgs := []string{"crun", "--root", g.own("crun"), "run", "--bundle", g.bundle}
	crunRuns := &contender{Name: crun, run: command(crunArgs...)}
	if err := crunRuns.run(ctx); err != nil && strings.Contains(err.Error(), "hybrid mode not supported") {
		if pure, err := withoutUnified(ctx, crunRuns.run); err == nil {
			crunRuns.run, crunRuns.Note = pure, "without the tree of cgroup v2, which crun refuses beside v1's"
		}
	}
	return []*contender{
		{Name: library, here: true, run: func(ctx context.Context) error {
			return g.launch(ctx, mctr.NewID(), g.config(true, "/bin/true"))
		}},
		{Name: cli, run: func(ctx context.Context) error {
			return execute(ctx, g.program("mctr"), "--root", g.root, "--state", g.state, "run", "--rm", "--network",
				"none", g.image, "/bin/true")
		}},
		{Name: runc, run: command(runcArgs...)},
		{Name: runcAgain, run: command(runcArgs...)},
		crunRuns,
	}
}

// command returns a function that runs argv followed by a new container id.
func command(argv ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		return execute(ctx, append(argv[:len(argv):len(argv)], "mctr-bench-"+mctr.NewID().Short())...)
	}
}

// execute runs argv without input. The error has the output.
func execute(ctx context.Context, argv ...string) error {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	var missing *exec.Error
	if err == nil || errors.As(err, &missing) {
		return err
	}
	return fmt.Errorf("%s: %w: %s", filepath.Base(argv[0]), err, strings.Join(strings.Fields(string(out)), " "))
}
