package examples_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// TestExamples builds every example and runs it as its comment says, with directories of the test's
// own and mctr's programs beside it. Nothing may be left after an example has exited.
func TestExamples(t *testing.T) {
	built := build(t)
	tries := map[string]func(t *testing.T, e *example){
		"run":   func(_ *testing.T, e *example) { e.wants(7, "hello\n", e.image, "sh", "-c", "echo hello; exit 7") },
		"agent": tryAgent, "exitcommand": tryExitCommand, "images": tryImages, "client": tryClient,
		"group": func(_ *testing.T, e *example) {
			e.wants(0, "server PARENT_ENDED 137\nworker EXITED 3\ngroup TASK_FAILED its task worker failed\n")
		},
		"isolator": func(_ *testing.T, e *example) { e.wants(0, "the container's interface has MTU 1400\n") },
		"network": func(t *testing.T, e *example) {
			e.matches(`^example eth0 \[\S+/\d+\]\n0\.0\.0\.0:\d+->80/tcp\n$`)
		},
	}
	for _, file := range sources(t) {
		if name := filepath.Dir(file); tries[name] == nil {
			t.Errorf("%s is not run: add it to this table", file)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tries)) {
		t.Run(name, func(t *testing.T) { tries[name](t, newExample(t, filepath.Join(built, name))) })
	}
}

// tryAgent kills an agent that runs two tasks. The next agent must adopt the task that still runs,
// and both exits must be reported once.
func tryAgent(t *testing.T, e *example) {
	gate := filepath.Join(e.dir, "gate")
	first := e.command("short=exit 3", "long=until [ -e "+gate+" ]; do sleep 0.02; done")
	out := &output{}
	first.Stdout = out
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first end", func() bool { return out.String() == "adopted: []\nshort EXITED 3\n" })
	eventually(t, "its acknowledgement", func() bool { // the agent removes a container after that
		_, err := os.Lstat(filepath.Join(e.root, "containers/short"))
		return errors.Is(err, fs.ErrNotExist)
	})
	_ = first.Process.Kill()
	_ = first.Wait() // it was killed
	time.AfterFunc(time.Second, func() { _ = os.WriteFile(gate, nil, 0o600) })
	e.wants(0, "adopted: [long]\nlong EXITED 0\n")
	e.wants(0, "adopted: []\n")
}

// tryExitCommand checks that both ways to apply a restart policy lead to three runs.
func tryExitCommand(t *testing.T, e *example) {
	e.matches(`^\S+\nrun\n(restarting after EXITED 1\nrun\n){2}$`, "echo run; exit 1")
	runs := filepath.Join(e.dir, "runs")
	e.matches(`^\S+\n$`, "-detach", "echo run >>"+runs+"; exit 1")
	eventually(t, "two restarts", func() bool {
		data, _ := os.ReadFile(runs)
		return string(data) == "run\nrun\nrun\n"
	})
}

// tryImages checks that a directory has the files of an image. The example needs no STATE.
func tryImages(t *testing.T, e *example) {
	e.state = ""
	e.matches(`command: \[\] \[\]\nlayers: 2\n$`, e.image, filepath.Join(e.dir, "tree"))
	if _, err := os.Stat(filepath.Join(e.dir, "tree/bin/busybox")); err != nil {
		t.Error(err)
	}
}

// tryClient starts an mctr-agent for the example.
func tryClient(t *testing.T, e *example) {
	agent := exec.Command(filepath.Join(bin(t), "mctr-agent"), "--root", e.root, "--state", e.state)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Signal(unix.SIGTERM)
		if err := agent.Wait(); err != nil {
			t.Error("mctr-agent:", err)
		}
	})
	socket := filepath.Join(e.state, "agent.sock")
	eventually(t, "the agent's socket", func() bool { _, err := os.Stat(socket); return err == nil })
	e.root, e.state = "", "" // only the agent has these directories
	e.wants(0, "hello\nEXITED 4\n", "-agent", "unix://"+socket, "sh", "-c", "echo hello; exit 4")
}

// TestReadme checks that the README lists every example, and that no example is longer than a page.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources(t) {
		if name := filepath.Dir(file); !strings.Contains(string(readme), "["+name+"]("+file+")") {
			t.Errorf("README.md does not list %s", file)
		}
	}
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(source, []byte("\n")); n >= 100 {
			t.Errorf("%s has %d lines, want less than 100", file, n)
		}
	}
}

// TestGuideHasEverySentinel checks that the embedding guide explains what each sentinel of package
// mctr asks of a caller.
func TestGuideHasEverySentinel(t *testing.T) {
	source, err := os.ReadFile("../errors.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../docs/embedding.md")
	if err != nil {
		t.Fatal(err)
	}
	sentinels := regexp.MustCompile(`(?m)^\t(Err\w+) +=`).FindAllSubmatch(source, -1)
	if len(sentinels) < 9 {
		t.Fatalf("found %d sentinels in errors.go", len(sentinels))
	}
	for _, name := range sentinels {
		if !bytes.Contains(guide, append([]byte("`mctr."), name[1]...)) {
			t.Errorf("docs/embedding.md lacks mctr.%s", name[1])
		}
	}
}
