package launcher_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// saying is a program that says this when it is asked, and counts how often it is.
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

// TestCheck wants a shim refused that lacks what is asked for, that does not say, or that
// fails, and asked once as long as it is the same file.
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
		want string // of an error; "": none
	}{
		{`{"protocol":1,"min":1,"build":"v0","understands":["verb","start","pause"]}`, 0, ""},
		{`{"protocol":1,"min":1,"build":"v0","understands":["verb","start"]}`, 0, "pause is not supported here: mctr-shim, " + l.Shim + " (v0)"},
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
			asked++ // what is no answer is not remembered
		}
	}
	said, err := os.ReadFile(dir + "/asked")
	if got := strings.Count(string(said), launcher.HelloVerb+"\n"); err != nil || got != asked {
		t.Errorf("it was asked %d times, want %d: %v", got, asked, err)
	}
}
