package launcher_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// saying makes a program that prints words, and counts its runs in the file "asked".
func saying(t *testing.T, dir, words string, code int) string {
	t.Helper()
	path := filepath.Join(dir, "mctr-shim")
	script := fmt.Sprintf("#!/bin/sh\necho $1 >>%q\necho '%s'\nexit %d\n", dir+"/asked", words, code)
	if err := os.WriteFile(path+".new", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCheck wants an error about a shim that lacks a requested feature, prints no hello, or fails.
// The shim must be run once only as long as its file is the same.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	l := &launcher.Launcher{Shim: filepath.Join(dir, "mctr-shim"), Record: filepath.Join(dir, "record")}
	start, pause := wire.Request{Verb: wire.VerbStart}, wire.Request{Verb: wire.VerbPause}
	if err := l.Check(t.Context(), start); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is none: %v", err)
	}
	asked := 0
	for _, c := range []struct {
		says string
		code int
		want string // part of the error; "": no error
	}{
		{`{"protocol":1,"min":1,"build":"v0","understands":["verb","start","pause"]}`, 0, ""},
		{`{"protocol":1,"min":1,"build":"v0","understands":["verb","start"]}`, 0,
			"pause is not supported here: mctr-shim, " + l.Shim + " (v0)"},
		{`{"protocol":1,"min":1}`, 0, "does not say what it understands"},
		{"", 1, "does not say what it understands"},
		{"hello", 0, "does not say what it understands"},
		{`{"protocol":9,"min":9,"understands":["verb"]}`, 0, "peer speaks 9 to 9"},
	} {
		saying(t, dir, c.says, c.code)
		for range 2 {
			err := l.Check(t.Context(), start, pause)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: got %v, want %q", c.says, err, c.want)
			}
			if c.want != "" && !errors.Is(err, mctr.ErrUnsupported) && !errors.Is(err, wire.ErrProtocol) {
				t.Errorf("%s: %v is of no kind", c.says, err)
			}
		}
		if asked++; c.code != 0 || !strings.Contains(c.says, `"build"`) {
			asked++ // only a valid answer is recorded
		}
	}
	said, err := os.ReadFile(dir + "/asked")
	if got := strings.Count(string(said), launcher.HelloVerb+"\n"); err != nil || got != asked {
		t.Errorf("it was asked %d times, want %d: %v", got, asked, err)
	}
}

// TestCheckLeavesStrays wants Check to return although a script in the shim's place left a process
// running with the script's stdout.
func TestCheckLeavesStrays(t *testing.T) {
	dir := t.TempDir()
	l := &launcher.Launcher{Shim: filepath.Join(dir, "mctr-shim")}
	script := "#!/bin/sh\nsleep 100 &\necho $! >" + dir + "/stray\n"
	if err := os.WriteFile(l.Shim, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(t.Context(), wire.Request{Verb: wire.VerbStart}); !errors.Is(err, mctr.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	data, err := os.ReadFile(dir + "/stray")
	if err != nil {
		t.Fatal(err)
	}
	stray, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(stray, unix.SIGKILL); err != nil {
		t.Errorf("it was waited for: %v", err)
	}
}

// TestCheckHearsNoFlood wants Check to end a program that prints without end.
func TestCheckHearsNoFlood(t *testing.T) {
	for _, stream := range []string{"1", "2"} {
		dir := t.TempDir()
		l := &launcher.Launcher{Shim: filepath.Join(dir, "mctr-shim")}
		script := "#!/bin/sh\nexec yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >&" + stream + "\n"
		if err := os.WriteFile(l.Shim, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		err := l.Check(t.Context(), wire.Request{Verb: wire.VerbStart})
		if !errors.Is(err, mctr.ErrUnsupported) || len(err.Error()) > 4000 {
			t.Errorf("stream %s: %.2000v", stream, err)
		}
	}
}
