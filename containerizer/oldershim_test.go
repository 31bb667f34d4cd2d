package containerizer_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/fields"
	"github.com/mctr/mctr/internal/testprogram"
)

// An olderShim is mctr-shim behind a front that has it understand less, as one of an
// earlier build: its hello leaves names out, and what it is sent beyond them, which such
// a shim would pass over, is written down.
type olderShim struct {
	t       *testing.T
	program string // to be started as the shim
	knows   string // file: names, or none for a shim that does not say
}

// frontArgument makes this test's program the front of the shim that is the next one.
const frontArgument = "older-shim"

func newOlderShim(t *testing.T) *olderShim {
	t.Helper()
	dir := t.TempDir()
	s := &olderShim{t: t, program: filepath.Join(dir, "mctr-shim"), knows: filepath.Join(dir, "knows")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %q %s %q %q \"$@\"\n", self, frontArgument, testprogram.Find(t, "mctr-shim"),
		s.knows)
	if err := os.WriteFile(s.program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

// lacks has it understand everything but these; with whole names, what is in them too.
func (s *olderShim) lacks(names ...string) {
	s.t.Helper()
	var known []string
	for _, name := range wire.Understood() {
		lacked := false
		for _, n := range names {
			lacked = lacked || name == n || strings.HasPrefix(name, n+".")
		}
		if !lacked {
			known = append(known, name)
		}
	}
	s.write(known)
}

// saysNothing makes it one from before shims said what they understand.
func (s *olderShim) saysNothing() { s.write(nil) }

func (s *olderShim) write(known []string) {
	s.t.Helper()
	if err := os.WriteFile(s.knows, []byte(strings.Join(known, "\n")), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// wantNothingLost fails the test if the shim was asked for what it does not understand.
func (s *olderShim) wantNothingLost() {
	s.t.Helper()
	if lost, err := os.ReadFile(s.knows + ".lost"); err == nil {
		s.t.Errorf("the shim passes over %q", lost)
	}
}

// A front is the process that is started as the shim.
type front struct{ shim, knows string }

func (f front) hello(h wire.Hello) wire.Hello {
	known, _ := os.ReadFile(f.knows)
	h.Understands, h.Build = strings.Fields(string(known)), "an older build"
	return h
}

func (f front) run(args []string) error {
	if args[0] == launcher.HelloVerb {
		h := f.hello(wire.ShimHello())
		if h.Silent() {
			return fmt.Errorf("mctr-shim: descriptor 3 is no listening socket; mctr starts this program")
		}
		return json.NewEncoder(os.Stdout).Encode(h)
	}
	l, err := net.FileListener(os.NewFile(launcher.ListenFD, "socket"))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "front")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	inner, err := wire.Listen(dir)
	if err != nil {
		return err
	}
	alive := os.NewFile(launcher.AliveFD, wire.AliveName)
	cmd := exec.Command(f.shim, args...)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = args[1], os.Environ(), []*os.File{inner, alive}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, _ = inner.Close(), alive.Close()
	go f.accept(l, dir)
	return cmd.Wait()
}

func (f front) accept(l net.Listener, dir string) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		shim, err := wire.Dial(dir)
		if err != nil {
			_ = client.Close()
			continue
		}
		go func() {
			defer client.Close()
			defer shim.Close()
			f.relay(client, shim)
		}()
	}
}

// relay passes on what both say, until either goes.
func (f front) relay(client, shim net.Conn) {
	var theirs, ours wire.Hello
	if wire.Read(client, &theirs) != nil || wire.Write(shim, theirs) != nil || wire.Read(shim, &ours) != nil {
		return
	}
	ours = f.hello(ours)
	if wire.Write(client, ours) != nil {
		return
	}
	go func() {
		defer client.Close()
		_, _ = io.Copy(client, shim)
	}()
	for {
		var body json.RawMessage
		var request wire.Request
		if wire.Read(client, &body) != nil || json.Unmarshal(body, &request) != nil {
			return
		}
		f.look(ours, request.Verb, body)
		if wire.Write(shim, body) != nil {
			return
		}
		if request.Verb == wire.VerbExec || request.Verb == wire.VerbAttach {
			_, _ = io.Copy(shim, client)
			return
		}
	}
}

// look writes down what an older shim would pass over.
func (f front) look(h wire.Hello, verb string, body []byte) {
	if h.Silent() {
		h.Understands = wire.Early
	}
	lost, err := fields.Missing(body, h.Understands)
	if err != nil || !h.Knows(verb) {
		lost = append(lost, verb)
	}
	if len(lost) > 0 {
		_ = os.WriteFile(f.knows+".lost", []byte(strings.Join(lost, " ")), 0o600)
	}
}
