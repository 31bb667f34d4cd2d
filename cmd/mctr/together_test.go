package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTogether runs three agents, two command lines and reconcile on one root at once, while the agents
// are killed and restarted in turn. Every container must end as expected, none may be lost, and
// nothing may be left.
func TestTogether(t *testing.T) {
	h := newHost(t)
	// long enough for rare orders of events
	lasts := 10 * time.Second
	if os.Getenv("MCTR_LONG") != "" {
		lasts = 5 * time.Minute
	}
	c := &crowd{host: h, over: time.Now().Add(lasts), agents: map[string]*exec.Cmd{}, dir: t.TempDir()}
	t.Cleanup(c.stop)
	var all sync.WaitGroup
	for _, name := range []string{"one", "two", "three"} {
		c.start(name)
		h.eventually("agent "+name+" serves", func() bool {
			return h.mctr("--agent", c.address(name), "version").code == 0
		})
		all.Go(func() { c.work(name, "--agent", c.address(name)) })
	}
	all.Go(func() { c.work("local") })
	all.Go(func() { c.work("also") })
	all.Go(func() {
		for time.Now().Before(c.over) {
			if r := h.mctr("reconcile"); r.code != 0 {
				t.Errorf("reconcile: %+v", r)
			}
			time.Sleep(time.Second)
		}
	})
	all.Go(c.killAgents)
	all.Wait()
	for _, name := range c.kept {
		if r := h.mctr("inspect", "-f", "{{.State.Status}}", name); r.stdout != "running\n" {
			t.Errorf("%s was to go on: %+v", name, r)
		}
	}
	t.Logf("%d containers, %d of them kept, %d kills of agents", c.made, len(c.kept), c.kills)
	h.want(0, "rm", "-f", "--all")
	h.want(0, "reconcile")
}

// A crowd has the programs that use one root at once.
type crowd struct {
	*host
	over time.Time
	dir  string // directory of the agents' sockets

	mu     sync.Mutex
	agents map[string]*exec.Cmd
	kills  int
	made   int
	kept   []string
}

func (c *crowd) address(name string) string { return "unix://" + filepath.Join(c.dir, name) }

func (c *crowd) start(name string) {
	cmd := exec.Command(filepath.Join(filepath.Dir(program(c.t)), "mctr-agent"), "--name", name, "--root", c.root,
		"--state", c.state, "--listen", c.address(name))
	if err := cmd.Start(); err != nil {
		c.t.Error(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agents[name] = cmd
}

// killAgents kills and restarts one agent after another.
func (c *crowd) killAgents() {
	for n := 0; time.Now().Before(c.over); n++ {
		time.Sleep(4 * time.Second)
		name := []string{"one", "two", "three"}[n%3]
		c.mu.Lock()
		cmd := c.agents[name]
		c.kills++
		c.mu.Unlock()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		c.start(name)
	}
}

func (c *crowd) stop() {
	for _, cmd := range c.agents {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
	}
}

// work runs containers of each kind. Calls to an agent may fail because the agent is killed, so that only
// the results of local commands are checked.
func (c *crowd) work(worker string, door ...string) {
	mctr := func(args ...string) result { return c.mctr(append(door, args...)...) }
	for n := 0; time.Now().Before(c.over); n++ {
		name := fmt.Sprint(worker, "-", n)
		code := rand.IntN(100)
		script := fmt.Sprintf("echo %s; exit %d", name, code)
		var r result
		ok := false
		switch rand.IntN(4) {
		case 0:
			r = mctr("run", "-q", "--rm", "--name", name, c.image, "sh", "-c", script)
			ok = r.code == code && r.stdout == name+"\n"
		case 1:
			mctr("run", "-q", "-d", "--name", name, c.image, "sh", "-c", script)
			r = mctr("wait", name)
			ok = r.stdout == strconv.Itoa(code)+"\n"
		case 2:
			mctr("run", "-q", "-d", "--restart", "always", "--name", name, c.image, "sh", "-c", "sleep 0.1; exit 1")
			time.Sleep(time.Second)
			r = mctr("rm", "-f", name)
			ok = r.code == 0
		case 3:
			r = mctr("run", "-q", "-d", "--restart", "always", "--name", name, c.image, "sleep", "1000")
			if ok = r.code == 0; ok && n%3 == 0 {
				c.mu.Lock()
				c.kept = append(c.kept, name)
				c.mu.Unlock()
			} else {
				mctr("stop", "-t", "0", name)
			}
		}
		c.mu.Lock()
		c.made++
		c.mu.Unlock()
		if !ok && len(door) == 0 {
			c.t.Errorf("%s: want %d: %+v", name, code, r)
		}
	}
}
