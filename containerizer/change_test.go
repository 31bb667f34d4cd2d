package containerizer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/failpoint"
)

// verbsPrefix begins an agent's command that is a list of verbs, done in order with the
// container "job": "verbs: POLICY SCRIPT VERB...", where SCRIPT is a key of scripts.
const verbsPrefix = "verbs: "

var scripts = map[string]string{
	"stays": "sleep 100", "fails": "exit 1", "fails-once": "[ -e /ran ] || { >/ran; exit 1; }; sleep 100",
}

// doVerbs is the agent; "hold" has it watch its containers until it is killed.
func doVerbs(ctx context.Context, c *containerizer.Containerizer, records *store.Container, image string,
	words []string) int {
	policy, err := mctr.ParseRestartPolicy(words[0])
	config := &mctr.ContainerConfig{
		Image: image, Restart: policy, Process: mctr.Process{Args: []string{"sh", "-c", scripts[words[1]]}},
	}
	for _, verb := range words[2:] {
		if err != nil {
			break
		}
		switch verb {
		case "create":
			err = c.Create(ctx, "job", config, nil)
		case "launch":
			_, err = c.Launch(ctx, "job", config, containerizer.LaunchOptions{})
		case "start":
			_, err = c.Start(ctx, "job", containerizer.LaunchOptions{})
		case "stop":
			_, err = c.Stop(ctx, "job", mctr.StopOptions{Signal: unix.SIGTERM, Timeout: new(10 * time.Millisecond)})
		case "update":
			err = c.Update(ctx, "job", limits(32<<20, 70))
		case "group":
			group := &mctr.Group{Tasks: map[string]mctr.ContainerConfig{"task": *config}}
			err = c.LaunchGroup(ctx, "job", group, containerizer.LaunchOptions{})
		case "fail-often": // until the pause before the next start is long, and has begun
			for s := new(store.State); s.Restarts < 4 || s.Pending != store.Restart || s.LastExit != nil ||
				s.Run != nil; {
				time.Sleep(5 * time.Millisecond)
				if s, err = records.State(); err != nil {
					break
				}
			}
		case "hold":
			time.Sleep(time.Minute)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A cutOff is how an agent comes to one change of a container's state, and the phases that
// the container may have after a recovery, "" for one that is gone.
type cutOff struct {
	first string // an agent's verbs before; "": none
	verbs string
	also  string // a failpoint that leads there
	want  []mctr.Phase
}

var gone = mctr.Phase("")

var cutOffs = map[store.Change]cutOff{
	store.Reserve:       {verbs: "no stays launch", want: []mctr.Phase{gone}},
	store.Park:          {verbs: "no stays create", want: []mctr.Phase{mctr.Created}},
	store.Revive:        {first: "no fails launch", verbs: "no fails start", want: []mctr.Phase{mctr.Exited}},
	store.BeginRun:      {verbs: "no stays launch", want: []mctr.Phase{gone}},
	store.Settle:        {first: "no stays create", verbs: "no stays start", want: []mctr.Phase{mctr.Running}},
	store.Stop:          {verbs: "always stays launch stop", want: []mctr.Phase{mctr.Running}},
	store.AllowRun:      {first: "always stays launch stop", verbs: "no stays start", want: []mctr.Phase{mctr.Exited}},
	store.AwaitRestart:  {verbs: "always fails-once launch hold", want: []mctr.Phase{mctr.Exited, mctr.Running}},
	store.GiveUpRestart: {verbs: "always fails launch fail-often stop hold", want: []mctr.Phase{mctr.Exited}},
	store.FailStart: {
		verbs: "always fails-once launch hold", also: "state/revive=error,",
		want: []mctr.Phase{mctr.Exited, mctr.Running},
	},
	store.BeginUpdate:   {verbs: "no stays launch update", want: []mctr.Phase{mctr.Running}},
	store.EndUpdate:     {verbs: "no stays launch update", want: []mctr.Phase{mctr.Running}},
	store.CompleteGroup: {verbs: "no stays group", want: []mctr.Phase{mctr.Running}},
	store.EndRun:        {verbs: "no fails launch hold", want: []mctr.Phase{mctr.Exited}},
	store.TakeBack: {
		first: "no fails launch", verbs: "no fails start", also: "image=error,", want: []mctr.Phase{mctr.Exited},
	},
}

// TestKillAtEveryChange ends an agent by SIGKILL behind every change of a container's state,
// and has another one recover, which finds the container where it may be. Then the
// container can be started or stopped as ever, and nothing is left of it.
func TestKillAtEveryChange(t *testing.T) {
	for _, change := range store.Changes {
		t.Run(string(change), func(t *testing.T) {
			c, ok := cutOffs[change]
			if !ok {
				t.Fatal("no way to this change is tried")
			}
			a := newAgent(t)
			a.launchCutOff(c, "state/"+string(change)+"=kill")
			if _, err := a.Recover(t.Context()); err != nil {
				t.Error("recover:", err)
			}
			a.wantPhase(c.want)
			a.wantUsable()
			a.wantNothing()
		})
	}
}

// TestErrorAtEveryChange has every change fail once it is written, as far as its caller can
// see: the verb fails, or goes on, and nothing is left.
func TestErrorAtEveryChange(t *testing.T) {
	if testing.Short() {
		t.Skip("the kills are tried in short")
	}
	for _, change := range store.Changes {
		t.Run(string(change), func(t *testing.T) {
			c := cutOffs[change]
			a := newAgent(t)
			c.verbs = strings.Replace(c.verbs, " hold", "", 1)
			a.launchCutOff(c, "state/"+string(change)+"=error")
			if _, err := a.Recover(t.Context()); err != nil {
				t.Error("recover:", err)
			}
			a.wantUsable()
			a.wantNothing()
		})
	}
}

// launchCutOff runs an agent to point.
func (a *agent) launchCutOff(c cutOff, point string) {
	a.t.Helper()
	if c.first != "" {
		if out, err := a.agentProcess(verbsPrefix + c.first).CombinedOutput(); err != nil {
			a.t.Fatalf("%v: %s", err, out)
		}
		if strings.Contains(c.first, "fails launch") { // whose end it did not wait for
			if _, err := a.Wait(a.t.Context(), "job"); err != nil {
				a.t.Fatal(err)
			}
		}
	}
	out, err := a.agentProcess(verbsPrefix+c.verbs, failpoint.Env+"="+c.also+point).CombinedOutput()
	if strings.HasSuffix(point, "=kill") && err == nil {
		a.t.Errorf("nothing was killed: %s", out)
	}
}

// wantPhase wants the container to come to one of these.
func (a *agent) wantPhase(want []mctr.Phase) {
	a.t.Helper()
	a.eventually(fmt.Sprintf("it is one of %q", want), func() bool {
		s, err := a.Status(a.t.Context(), "job")
		if errors.Is(err, mctr.ErrNotFound) {
			return slices.Contains(want, gone)
		}
		return err == nil && slices.Contains(want, s.Phase)
	})
}

// wantUsable starts a container that does not run, and removes it.
func (a *agent) wantUsable() {
	a.t.Helper()
	s, err := a.Status(a.t.Context(), "job")
	if errors.Is(err, mctr.ErrNotFound) {
		return
	}
	if err == nil && (s.Phase == mctr.Created || s.Phase == mctr.Exited && !s.Restarting) {
		_, err = a.Start(a.t.Context(), "job", containerizer.LaunchOptions{})
	}
	if err != nil {
		a.t.Error(err)
	}
	a.remove("job")
}
