package launcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/inherit"
	"github.com/mctr/mctr/internal/visible"
)

// HelloVerb is the argument that makes mctr-shim print its wire.Hello on stdout and exit.
const HelloVerb = "hello"

const remedy = "keep mctr's programs together, of one build"

// Check returns an error if the shim that would be started does not understand all of requests. The
// error wraps mctr.ErrUnsupported and names the missing features, the shim, and both builds.
func (l *Launcher) Check(ctx context.Context, requests ...wire.Request) error {
	hello, err := l.Hello(ctx)
	if err != nil {
		return err
	}
	called := func() string { return fmt.Sprintf("mctr-shim, %s (%s), which would be started,", l.Shim, hello.Build) }
	return checkCompatible(hello, called, requests...)
}

// Hello returns the hello of the shim that would be started. The error wraps mctr.ErrUnsupported if
// the shim is too old to print one.
func (l *Launcher) Hello(ctx context.Context) (*wire.Hello, error) {
	var st unix.Stat_t
	if err := unix.Stat(l.Shim, &st); err != nil {
		return nil, fmt.Errorf("start %s: %w (make builds it; it belongs beside mctr)", l.Shim, err)
	}
	now := identity{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}
	said := record{}
	if l.Record != "" && atomicfile.ReadJSON(l.Record, &said) == nil && said.File == now {
		return &said.Hello, nil
	}
	hello, err := runHello(ctx, l.Shim)
	if err == nil && l.Record != "" {
		_ = atomicfile.WriteJSON(l.Record, record{File: now, Hello: *hello}) // the next call can ask again
	}
	return hello, err
}

// A record keeps a shim's hello, so that a launch does not have to start the shim twice.
type record struct {
	File  identity   `json:"file"`
	Hello wire.Hello `json:"hello"`
}

// An identity changes as soon as another file is at the path.
type identity struct {
	Dev, Ino      uint64
	Size          int64
	Mtime, Change unix.Timespec
}

// runHello runs the shim to print its hello. A shim from before HelloVerb existed looks for its
// socket instead, finds none and exits.
func runHello(ctx context.Context, shim string) (*wire.Hello, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var out, complaint answer
	cmd := exec.CommandContext(ctx, shim, HelloVerb)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), &out, &complaint
	cmd.WaitDelay = time.Second // for processes that a script in the shim's place left running
	err := inherit.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w (make builds it; it belongs beside mctr)", shim, err)
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask %s what it understands: %w", shim, context.Cause(ctx))
	}
	hello := &wire.Hello{}
	if err != nil || json.Unmarshal(out.text.Bytes(), hello) != nil || hello.Silent() {
		return nil, errSilent(shim, visible.Middle(complaint.text.String(), 1000))
	}
	_, err = hello.Agreed()
	return hello, err
}

// An answer holds a program's output up to maxAnswer; longer output fails the program.
type answer struct{ text bytes.Buffer }

const maxAnswer = 1 << 20

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	if a.text.Len()+len(p) > maxAnswer {
		return 0, fmt.Errorf("it prints more than %d bytes", maxAnswer)
	}
	return a.text.Write(p)
}

// errSilent returns the error for a shim that printed said instead of a hello.
func errSilent(shim, said string) error {
	build := "of an unknown build"
	if b, err := buildinfo.ReadFile(shim); err == nil {
		build = b.String()
	}
	why := fmt.Sprintf("it is older than this program (%s)", buildinfo.Self())
	// an old shim says this when it finds no socket
	if said = strings.TrimSpace(said); !strings.Contains(said, "mctr starts this program") {
		why += fmt.Sprintf(", or fails: %q", said)
	}
	return &mctr.UnsupportedError{
		Feature: "mctr-shim, " + shim + " (" + build + "),", Remedy: remedy,
		Why: "it does not say what it understands, and would silently ignore the rest: " + why,
	}
}

// checkCompatible returns an error if the sender of hello would ignore a part of requests.
func checkCompatible(hello *wire.Hello, called func() string, requests ...wire.Request) error {
	var lacks []string
	for _, r := range requests {
		parts, err := hello.Lacks(r)
		if err != nil {
			return err
		}
		lacks = append(lacks, parts...)
	}
	if len(lacks) == 0 {
		return nil
	}
	slices.Sort(lacks)
	return &mctr.UnsupportedError{
		Feature: strings.Join(slices.Compact(lacks), ", "), Remedy: remedy,
		Why: fmt.Sprintf("%s does not understand it, and this program is a different build (%s)", called(),
			buildinfo.Self()),
	}
}

// describeShim describes the shim with this pid by the file from which it was started.
func describeShim(pid int) string {
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	path, err := os.Readlink(exe)
	build, buildErr := buildinfo.ReadFile(exe)
	if errors.Join(err, buildErr) != nil {
		return fmt.Sprintf("the supervisor of the container (pid %d)", pid)
	}
	return fmt.Sprintf("the supervisor of the container (pid %d, %s, %s), which runs until the container exits,", pid,
		path, build)
}
