package quota

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/helper"
)

// TestMain turns this binary into the helper when it is started as one, without environment
// variables, and into another process that uses a store when it is given a job.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 {
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	if text := os.Getenv(jobEnv); text != "" {
		if err := perform(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			unix.Exit(1)
		}
		unix.Exit(0)
	}
	os.Exit(m.Run())
}

const jobEnv = "MCTR_QUOTA_JOB"

// A job is one call in another process.
type job struct {
	Config Config
	Verb   string
	Dir    string
	Limits Limits
}

func perform(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	return j.run(Open(j.Config))
}

func (j job) run(s *Store) error {
	ctx := context.Background()
	switch j.Verb {
	case "make":
		return s.Make(ctx, j.Dir, "test", j.Limits)
	case "mount":
		return s.Mount(ctx, j.Dir)
	case "unmount":
		return s.Unmount(ctx, j.Dir)
	case "change":
		return s.Change(ctx, j.Dir, j.Limits)
	case "remove":
		return s.Remove(ctx, j.Dir)
	case "hold": // runs a program that does not end, with a lock
		lock, err := flock.TryExclusive(j.Dir + "/lock")
		if err != nil {
			return err
		}
		return (&Record{lock: lock}).run(ctx, nil, "sh", "-c", "echo $$ >"+j.Dir+"/pid; exec sleep 1000")
	}
	return fmt.Errorf("unknown verb %q", j.Verb)
}

// command returns a job's process, with armed failpoints.
func (j job) command(t *testing.T, armed string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{jobEnv + "=" + string(text), failpoint.Env + "=" + armed}
	cmd.Stderr = &strings.Builder{}
	return cmd
}

// killAt runs the job and wants it killed at the point.
func (j job) killAt(t *testing.T, point string) {
	t.Helper()
	cmd := j.command(t, point+"=kill")
	err := cmd.Run()
	if status, ok := cmd.ProcessState.Sys().(interface{ Signaled() bool }); !ok || !status.Signaled() {
		t.Fatalf("%s, to be killed at %s: %v: %s", j.Verb, point, err, cmd.Stderr)
	}
}
