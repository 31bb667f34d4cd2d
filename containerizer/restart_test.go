package containerizer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/isolators"
)

// counts adds a line to a file of the image's filesystem and one of the sandbox,
// and prints how many there are.
const counts = `echo x >>/counted; echo x >>$MESOS_SANDBOX/counted; echo $(grep -c . /counted) $(grep -c . $MESOS_SANDBOX/counted); exit 3`

// startByPolicy launches an ended container and gives how it ended then.
func (a *agent) startByPolicy(id mctr.ContainerID) *mctr.Termination {
	a.t.Helper()
	if _, err := a.Start(a.t.Context(), id, containerizer.LaunchOptions{}); err != nil {
		a.t.Fatal(err)
	}
	end, err := a.Wait(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	return end
}

// log is all that the container printed.
func (a *agent) log(id mctr.ContainerID) string {
	a.t.Helper()
	files, err := filepath.Glob(a.root + "/containers/" + string(id) + "/logs/*")
	if err != nil {
		a.t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			a.t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) { // CRI: time stream tag text
			fields := strings.SplitN(line, " ", 4)
			text.WriteString(fields[len(fields)-1])
		}
	}
	return text.String()
}

// TestStartAgain wants a container that has ended to go on with its files, its
// sandbox and its log, and to be counted.
func TestStartAgain(t *testing.T) {
	a := newAgent(t)
	a.launch("runs", "sleep", "1000")
	if _, err := a.Start(t.Context(), "runs", containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrState) {
		t.Errorf("a running container was started: %v", err)
	}
	a.remove("runs")
	a.launch("job", "sh", "-c", counts)
	if _, err := a.Wait(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if end := a.startByPolicy("job"); end.ExitCode != 3 {
			t.Errorf("ended by %+v", end)
		}
	}
	if got := a.log("job"); got != "1 1\n2 2\n3 3\n" {
		t.Errorf("it printed %q", got)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Restarts != 2 || !s.Cleaned {
		t.Errorf("status: %+v, %v", s, err)
	}
	a.remove("job")
}

// A moody isolator fails when it is told to.
type moody struct {
	isolators.Base
	fails bool
}

func (*moody) Name() string { return "test/moody" }

func (m *moody) Isolate(context.Context, mctr.Handle, int) error {
	if m.fails {
		return errFault
	}
	return nil
}

// TestStartAgainFails wants a start that fails to leave the container as it had
// ended, with all of its files.
func TestStartAgainFails(t *testing.T) {
	m := &moody{}
	a := newAgent(t, m)
	a.launch("job", "sh", "-c", counts)
	if _, err := a.Wait(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	m.fails = true
	if _, err := a.Start(t.Context(), "job", containerizer.LaunchOptions{}); !errors.Is(err, errFault) {
		t.Errorf("start: %v", err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Exited || s.Termination.ExitCode != 3 ||
		!s.Cleaned {
		t.Errorf("status: %+v, %v", s, err)
	}
	m.fails = false
	a.startByPolicy("job")
	if got := a.log("job"); got != "1 1\n2 2\n" {
		t.Errorf("it printed %q", got)
	}
	a.remove("job")
}

// TestStartAgainKilledAtEveryFailpoint ends the process that starts an ended
// container again: whatever it had come to, the container's files stay.
func TestStartAgainKilledAtEveryFailpoint(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sh", "-c", counts)
	if _, err := a.Wait(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	for _, point := range a.checkpoints() {
		if testing.Short() && strings.HasPrefix(point, "prepare/") {
			continue
		}
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			if out, err := a.agentProcess("start", failpoint.Env+"="+point+"=kill").CombinedOutput(); err == nil &&
				point != "exited" {
				t.Errorf("nothing was killed: %s", out)
			}
			for _, id := range a.recover().Adopted {
				if _, err := a.Wait(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
			if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Exited || s.Termination == nil {
				t.Fatalf("status: %+v, %v", s, err)
			}
			before := strings.Count(a.log("job"), "\n")
			a.startByPolicy("job")
			if lines := strings.Split(strings.TrimSpace(a.log("job")), "\n"); len(lines) != before+1 {
				t.Errorf("%d lines of log, want %d", len(lines), before+1)
			}
		})
	}
	if data, err := os.ReadFile(a.root + "/containers/job/sandbox/counted"); err != nil ||
		strings.Count(string(data), "x") < len(a.checkpoints()) && !testing.Short() {
		t.Errorf("the sandbox has %q, %v", data, err)
	}
	a.remove("job")
}
