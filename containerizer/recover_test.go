package containerizer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/testns"
	"github.com/mctr/mctr/internal/testprogram"
	"github.com/mctr/mctr/isolators"
)

// agentEnv makes this test's program an agent that launches one container, says
// so, and waits for its end; or that updates it, or starts it again, where
// COMMAND is "update" or "start", or nests one where it is "nested", or is one of a
// crowd: "ROOT|STATE|SHIM|HELPER|IMAGE|COMMAND".
const agentEnv = "MCTR_TEST_AGENT"

func TestMain(m *testing.M) {
	if setting := os.Getenv(agentEnv); setting != "" {
		os.Exit(beAgent(strings.Split(setting, "|")))
	}
	if len(os.Args) > 4 && os.Args[1] == frontArgument {
		if err := (front{shim: os.Args[2], knows: os.Args[3]}).run(os.Args[4:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testns.Main(m)
}

func beAgent(s []string) int {
	ctx := context.Background()
	h, err := host.Open(host.Config{Root: s[0], State: s[1], Shim: s[2], Helper: s[3], Owner: "test",
		CNIPluginDirs: []string{s[0] + "/no-plugins"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c, err := h.Containers(ctx)
	if err == nil && s[5] == "update" {
		if err = c.Update(ctx, "job", limits(32<<20, 70)); err == nil {
			return 0
		}
	}
	id := mctr.ContainerID("job")
	if verb, of, ok := strings.Cut(s[5], ":"); ok && verb == "start" {
		id, s[5] = mctr.ContainerID(of), verb
	}
	if s[5] == "crowd" && err == nil {
		return crowd(ctx, c, s[4])
	}
	if verbs, ok := strings.CutPrefix(s[5], verbsPrefix); ok && err == nil {
		return doVerbs(ctx, c, store.New(s[0], s[1]).Container("job"), s[4], strings.Fields(verbs))
	}
	if s[5] == "nested" {
		id, s[5] = "root.job", "exit 3"
	}
	if err == nil && s[5] == "start" {
		_, err = c.Start(ctx, id, containerizer.LaunchOptions{})
	} else if err == nil {
		_, err = c.Launch(ctx, id,
			&mctr.ContainerConfig{Image: s[4], Process: mctr.Process{Args: []string{"sh", "-c", s[5]}}},
			containerizer.LaunchOptions{})
	}
	if err == nil {
		fmt.Println("running")
		_, err = c.Wait(ctx, id)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// agentProcess is another process that runs command in the container "job".
func (a *agent) agentProcess(command string, env ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		a.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), env...), agentEnv+"="+strings.Join([]string{
		a.root, a.state, testprogram.Find(a.t, "mctr-shim"), testprogram.Find(a.t, "mctr-helper"), a.image, command,
	}, "|"))
	return cmd
}

// dies starts an agent and kills it when its container runs.
func (a *agent) dies(command string, env ...string) {
	a.t.Helper()
	cmd := a.agentProcess(command, env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 10)); err != nil {
		a.t.Error("the agent did not launch:", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func (a *agent) recover() *containerizer.Recovered {
	a.t.Helper()
	found, err := a.Recover(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	return found
}

func TestRecoverAdopts(t *testing.T) {
	a := newAgent(t)
	a.dies("trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done")
	if found := a.recover(); !slices.Equal(found.Adopted, []mctr.ContainerID{"job"}) ||
		len(found.Ended)+len(found.Undone) > 0 {
		t.Errorf("found %+v", found)
	}
	a.until("job", "ready") // to init, what it does not handle is no signal
	if err := a.Kill(t.Context(), "job", unix.SIGTERM); err != nil {
		t.Error(err)
	}
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.ExitCode != 9 {
		t.Errorf("wait: %+v, %v", end, err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || !s.Cleaned {
		t.Errorf("an adopted container's end was not cleaned up: %+v, %v", s, err)
	}
	a.remove("job")
}

func TestRecoverReportsEnds(t *testing.T) {
	a := newAgent(t)
	a.dies("sleep 0.1; exit 5")
	a.eventually("the container has ended", func() bool {
		s, err := a.Status(t.Context(), "job")
		return err == nil && s.Phase == mctr.Exited
	})
	found := a.recover()
	if end := found.Ended["job"]; end == nil || end.ExitCode != 5 || end.Reason != mctr.ReasonExited {
		t.Errorf("found %+v", found)
	}
	for _, e := range found.Ends.Ends {
		if err := a.Acknowledge(t.Context(), e.Key); err != nil {
			t.Error(err)
		}
	}
	if again := a.recover(); len(again.Ended)+len(again.Adopted)+len(again.Undone) > 0 {
		t.Errorf("a second recovery finds %+v", again)
	}
	a.remove("job")
}

// TestRecoverOfALostShim has the agent and the shim die together.
func TestRecoverOfALostShim(t *testing.T) {
	a := newAgent(t)
	a.dies("sleep 100")
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(s.ShimPid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.eventually("the shim is gone", func() bool { return unix.Kill(s.ShimPid, 0) != nil })
	if end := a.recover().Ended["job"]; end == nil || end.Reason != mctr.ReasonShimLost {
		t.Errorf("ended by %+v", end)
	}
	a.remove("job")
}

// TestRecoverLeavesOthers wants a running container of another owner not to be
// touched, unless it is told to be taken.
func TestRecoverLeavesOthers(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.Owner = "somebody"
	if _, err := a.Launch(t.Context(), "theirs", config, containerizer.LaunchOptions{Detach: true}); err != nil {
		t.Fatal(err)
	}
	if found := a.recover(); len(found.Adopted) > 0 {
		t.Errorf("found %+v", found)
	}
	if s, err := a.Status(t.Context(), "theirs"); err != nil || s.Phase != mctr.Running {
		t.Errorf("status: %+v, %v", s, err)
	}
	if found, err := a.Recover(t.Context(), "theirs"); err != nil ||
		!slices.Equal(found.Adopted, []mctr.ContainerID{"theirs"}) {
		t.Errorf("told to take it: %+v, %v", found, err)
	}
	a.remove("theirs")
}

// TestRecoverBadRecords wants empty, cut, newer and foreign records to be errors
// that name the container, and not to keep the rest from being recovered.
func TestRecoverBadRecords(t *testing.T) {
	a := newAgent(t)
	a.dies("sleep 100")
	bad := map[mctr.ContainerID]string{
		"empty": "", "cut": `{"schema":1,"id":"cut","con`, "newer": `{"schema":99,"id":"newer","config":{}}`,
		"foreign": `{"schema":1,"id":"other","config":{}}`,
	}
	for id, text := range bad {
		dir := a.root + "/containers/" + string(id)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/config.json", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/exit.json", []byte(`{"exitCode":0}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := a.Recover(t.Context())
	if !slices.Equal(found.Adopted, []mctr.ContainerID{"job"}) {
		t.Errorf("found %+v", found)
	}
	for id := range bad {
		if err == nil || !strings.Contains(err.Error(), string(id)) {
			t.Errorf("the error does not name %s: %v", id, err)
		}
		if err := os.RemoveAll(a.root + "/containers/" + string(id)); err != nil {
			t.Error(err)
		}
	}
	a.remove("job")
}

// TestRecoverAfterKillAtEveryFailpoint ends the agent, or its shim, by SIGKILL
// behind every checkpoint, and wants Recover alone to set everything right.
func TestRecoverAfterKillAtEveryFailpoint(t *testing.T) {
	a := newAgent(t)
	points := a.checkpoints()
	if testing.Short() {
		points = []string{"intent", "image", "prepare/docker/runtime", "created", "running", "exited", "destroy",
			"released"}
	}
	for _, point := range points {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			if out, err := a.agentProcess("exit 3", failpoint.Env+"="+point+"=kill").CombinedOutput(); err == nil &&
				point != "exited" {
				t.Errorf("nothing was killed: %s", out)
			}
			found := a.recover()
			if end := found.Ended["job"]; end != nil && end.ExitCode != 3 && end.Reason != mctr.ReasonShimLost {
				t.Errorf("ended by %+v", end)
			}
			for _, id := range found.Adopted {
				if end, err := a.Wait(t.Context(), id); err != nil ||
					end.ExitCode != 3 && end.Reason != mctr.ReasonShimLost {
					t.Errorf("adopted, then: %+v, %v", end, err)
				}
			}
			if ids, err := a.Containers(); err == nil && len(ids) > 0 {
				a.remove(ids...)
			}
			if left, err := a.Leftovers(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
			a.wantNothing()
		})
	}
}

// TestRecoverAfterKillAtAnyTime ends the agent at moments that no checkpoint marks,
// and recovers after a while of any length: a container was not there yet, runs, or
// has ended by itself. MCTR_TEST_SEED repeats a run.
func TestRecoverAfterKillAtAnyTime(t *testing.T) {
	random, a := seeded(t), newAgent(t)
	for range 40 {
		cmd := a.agentProcess("exit 3")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
		found := a.recover()
		ids, err := a.Containers()
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if end, err := a.Wait(t.Context(), id); err != nil || end.ExitCode != 3 {
				t.Errorf("%+v: ended by %+v, %v", found, end, err)
			}
		}
		a.remove(ids...)
		a.wantNothing()
	}
}

// TestRecoverOutwaitsAChild has a killed agent's lock outlive it, as it does in a
// child that has not come to exec, and wants its launch undone all the same.
func TestRecoverOutwaitsAChild(t *testing.T) {
	a := newAgent(t)
	if out, err := a.agentProcess("exit 3", failpoint.Env+"=bundle=kill").CombinedOutput(); err == nil {
		t.Fatalf("nothing was killed: %s", out)
	}
	child, err := flock.Exclusive(t.Context(), filepath.Join(a.state, "locks", "job"))
	if err != nil {
		t.Fatal(err)
	}
	recovered := make(chan *containerizer.Recovered)
	go func() {
		found, _ := a.Recover(context.Background())
		recovered <- found
	}()
	select {
	case found := <-recovered:
		t.Fatalf("it did not wait: %+v", found)
	case <-time.After(100 * time.Millisecond):
	}
	child.Unlock()
	if found := <-recovered; found == nil || !slices.Equal(found.Undone, []mctr.ContainerID{"job"}) {
		t.Errorf("found %+v", found)
	}
	a.wantNothing()
}

// sticky is an isolator of which something always stays.
type sticky struct {
	isolators.Base
	cleanups atomic.Int32
}

func (*sticky) Name() string { return "test/sticky" }

func (s *sticky) Recover(context.Context, []mctr.ContainerState, mctr.HandleOf) ([]mctr.Leftover, error) {
	return []mctr.Leftover{{Kind: "test", Object: "something", Owner: "job"}}, nil
}

func (s *sticky) Cleanup(context.Context, mctr.Handle) error {
	s.cleanups.Add(1)
	return nil
}

// TestRecoverTriesOnce wants what stays of an undone launch not tried twice: a
// clean-up that hangs would hold up the agent's start twice as long.
func TestRecoverTriesOnce(t *testing.T) {
	s := &sticky{}
	a := newAgent(t, s)
	if out, err := a.agentProcess("exit 3", failpoint.Env+"=intent=kill").CombinedOutput(); err == nil {
		t.Fatalf("nothing was killed: %s", out)
	}
	if found := a.recover(); !slices.Equal(found.Undone, []mctr.ContainerID{"job"}) || s.cleanups.Load() != 1 {
		t.Errorf("found %+v, cleaned up %d times", found, s.cleanups.Load())
	}
	if a.recover(); s.cleanups.Load() != 2 {
		t.Errorf("what stayed was tried %d times by the next recovery", s.cleanups.Load()-1)
	}
}

// seeded is chance that MCTR_TEST_SEED repeats.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("MCTR_TEST_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("MCTR_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestRandom launches, nests, kills, destroys, removes and starts again in any order, with an agent
// that comes and goes, and wants nothing left at the end. MCTR_TEST_SEED repeats
// a run.
func TestRandom(t *testing.T) {
	random, a := seeded(t), newAgent(t)
	for range 300 {
		id := mctr.ContainerID(fmt.Sprintf("c%d", random.IntN(5)))
		a.anything(random.IntN(9), id, random)
	}
	a.recover()
	ids, err := a.Containers()
	if err != nil {
		t.Error(err)
	}
	a.remove(slices.DeleteFunc(ids, func(id mctr.ContainerID) bool { return id.Parent() != "" })...)
}

// anything does one thing to id. What it is not in a state for is refused.
func (a *agent) anything(what int, id mctr.ContainerID, random *rand.Rand) {
	ctx := context.Background()
	script := []string{"sleep 100", "exit 3", "sleep 0.05", "trap '' TERM; sleep 100 & wait"}[random.IntN(4)]
	var err error
	switch what {
	case 0, 1:
		_, err = a.Launch(ctx, id, a.config("sh", "-c", script),
			containerizer.LaunchOptions{Detach: random.IntN(2) == 0})
	case 2:
		err = a.Kill(ctx, id, unix.SIGTERM)
	case 3:
		_, err = a.Destroy(ctx, id)
	case 4:
		err = a.Remove(ctx, id, random.IntN(2) == 0)
	case 5: // the agent restarts
		if err := a.Close(); err != nil {
			a.t.Error(err)
		}
		a.Containerizer = a.open()
		a.recover()
	case 7: // it goes on where it ended
		_, err = a.Start(ctx, id, containerizer.LaunchOptions{Detach: random.IntN(2) == 0})
	case 8:
		_, err = a.Launch(ctx, id+".in", a.config("sh", "-c", script),
			containerizer.LaunchOptions{Detach: random.IntN(2) == 0})
	case 6:
		bounded, cancel := context.WithTimeout(ctx, time.Duration(random.IntN(20))*time.Millisecond)
		_, err = a.Wait(bounded, id)
		cancel()
	}
	if err != nil && !expected(err) {
		a.t.Errorf("action %d on %s: %v", what, id, err)
	}
}

// expected reports whether err only tells that the container's state did not allow it.
func expected(err error) bool {
	for _, allowed := range []error{mctr.ErrExists, mctr.ErrNotFound, mctr.ErrState, context.DeadlineExceeded} {
		if errors.Is(err, allowed) {
			return true
		}
	}
	return false
}

func (a *agent) eventually(what string, holds func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("never: %s", what)
		}
	}
}

// TestRecoverRestarts wants a container that ended while nobody watched started again
// where its policy says so, and one that was stopped left as it is.
func TestRecoverRestarts(t *testing.T) {
	a := newAgent(t)
	policy := map[mctr.ContainerID]string{"again": mctr.RestartAlways, "failed": mctr.RestartOnFailure,
		"never": mctr.RestartNo}
	gate := t.TempDir()
	for id, name := range policy {
		config := a.config("sh", "-c",
			"while [ ! -e /gate/open ]; do sleep 0.02; done; [ -e /gate/over ] && exec sleep 100; exit 1")
		config.Restart = mctr.RestartPolicy{Name: name}
		config.Volumes = []mctr.Volume{{Type: "bind", Source: gate, Target: "/gate"}}
		if _, err := a.Launch(t.Context(), id, config, containerizer.LaunchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(gate, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.eventually("all have ended", func() bool {
		for id := range policy {
			if s, err := a.Status(t.Context(), id); err != nil || s.Termination == nil {
				return false
			}
		}
		return true
	})
	if err := os.WriteFile(filepath.Join(gate, "over"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := a.open()
	found, err := second.Recover(t.Context())
	if err != nil || len(found.Ended) != 3 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, id := range []mctr.ContainerID{"again", "failed"} {
		a.eventually(string(id)+" runs again", func() bool {
			s, err := second.Status(t.Context(), id)
			return err == nil && s.Phase == mctr.Running && s.Restarts == 1
		})
	}
	if s, err := second.Status(t.Context(), "never"); err != nil || s.Phase != mctr.Exited || s.Restarts != 0 {
		t.Errorf("without a policy: %+v, %v", s, err)
	}
	for id := range policy {
		if err := second.Remove(t.Context(), id, true); err != nil {
			t.Error(err)
		}
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// TestSignalAtOnce wants a signal right behind the start to be the task's: not to end
// the engine's init, which it still is, with an exit code that nobody gave.
func TestSignalAtOnce(t *testing.T) {
	a := newAgent(t)
	for i := range 10 {
		id := mctr.ContainerID(fmt.Sprintf("job%d", i))
		a.launch(id, "sh", "-c", "trap 'exit 9' TERM; sleep 0.3; exit 4")
		if err := a.Kill(t.Context(), id, unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		end, err := a.Wait(t.Context(), id)
		if err != nil || end.ExitCode != 9 && end.ExitCode != 4 { // 4: the shell had no trap yet
			t.Errorf("ended by %+v, %v", end, err)
		}
		a.remove(id)
	}
}

// startCutOff ends an agent behind the last isolator, where nobody has seen the
// container run, and gives its shim the time to notice.
func (a *agent) startCutOff(command string) {
	a.t.Helper()
	if out, err := a.agentProcess(command, failpoint.Env+"=isolated=kill").CombinedOutput(); err == nil {
		a.t.Fatalf("nothing was killed: %s", out)
	}
	a.eventually("the shim is gone", func() bool {
		alive, err := launcher.Alive(filepath.Join(a.state, "containers", "job"))
		return err == nil && !alive
	})
}

// TestRecoverUndoesAnUnstarted wants a launch whose agent died before the start
// undone, however long ago that was: it is no container that has ended.
func TestRecoverUndoesAnUnstarted(t *testing.T) {
	a := newAgent(t)
	a.startCutOff("exit 3")
	if found := a.recover(); !slices.Equal(found.Undone, []mctr.ContainerID{"job"}) || len(found.Ended) > 0 {
		t.Errorf("found %+v", found)
	}
	a.wantNothing()
}

// TestRecoverRestartsAnUnstarted is the same in a container's next start: it goes back
// to its last end, and on by its policy.
func TestRecoverRestartsAnUnstarted(t *testing.T) {
	a := newAgent(t)
	config := a.config("sh", "-c", "[ -e /ran ] && exec sleep 100; touch /ran; exit 7")
	config.Restart = mctr.RestartPolicy{Name: mctr.RestartAlways}
	once := &containerizer.Runs{}
	once.Stop()
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{Runs: once}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Wait(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	a.startCutOff("start:job")
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Termination != nil {
		t.Errorf("a start that was cut off: %+v, %v", s, err)
	}
	if found := a.recover(); !slices.Equal(found.Undone, []mctr.ContainerID{"job"}) {
		t.Errorf("found %+v", found)
	}
	a.eventually("it runs again", func() bool {
		s, err := a.Status(t.Context(), "job")
		return err == nil && s.Phase == mctr.Running
	})
	a.remove("job")
}
