package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mctr/mctr/provisioner/imagetest"
)

// TestScripts runs the scripts in testdata/script. Every script has its own directories, the images
// $IMAGE and $CHECKED, which has a HEALTHCHECK, and these commands in addition to those of testscript:
//
//	code N PROGRAM [ARG...]   runs it and wants exit code N
//	until PROGRAM [ARG...]    runs it until it succeeds
//	set NAME PROGRAM [ARG...] gives NAME its output
//
// Lines with [agent] run only with an agent, and lines with [!agent] only without. A script fails if it
// leaves anything on the host.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	image, checked := imagetest.Busybox(t, t.TempDir()), checkedImage(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			h := newHostIn(t, filepath.Join(dir, "root"), filepath.Join(dir, "state"), image)
			testscript.Run(t, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true, RequireUniqueNames: true,
				Setup: func(e *testscript.Env) error {
					e.Setenv("CHECKED", checked)
					return h.script(e)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"code": scriptCode, "until": scriptUntil, "set": scriptSet},
				Condition: func(string) (bool, error) { return false, nil },
			})
		})
	}
}

// checkedImage returns an image with a HEALTHCHECK.
func checkedImage(t *testing.T) string {
	return imagetest.BusyboxOf(t, t.TempDir(), imagetest.Spec{Healthcheck: map[string]any{
		"Test": []string{"CMD-SHELL", "test ! -e /sick"}, "Interval": 20 * time.Millisecond, "Retries": 2,
	}})
}

// script sets up a script: it sets the environment variables for the directories of the host, and adds
// the image to the store.
func (h *host) script(e *testscript.Env) error {
	bin := filepath.Dir(program(h.t))
	e.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	e.Setenv("MCTR_ROOT", h.root)
	e.Setenv("MCTR_STATE", h.state)
	e.Setenv("MCTR_NETWORK", "none")
	e.Setenv("IMAGE", h.image)
	e.Setenv("HOME", e.WorkDir)
	h.want(0, "pull", "-q", h.image)
	return nil
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, args[1:]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, argv []string) int {
	err := ts.Exec(argv[0], argv[1:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(10 * time.Second); (exitCode(ts, args) == 0) == neg; time.Sleep(
		20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("not after ten seconds: %s", strings.Join(args, " "))
		}
	}
}

func scriptSet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: set NAME program [args...]")
	}
	ts.Check(ts.Exec(args[1], args[2:]...))
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
