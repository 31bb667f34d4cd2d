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

// HelloVerb is the argument with which a shim says its wire.Hello on stdout, and ends.
const HelloVerb = "hello"

const remedy = "keep mctr's programs together, of one build"

// Check refuses requests that the shim which would be started does not understand. The
// error wraps mctr.ErrUnsupported and names what, the shim, and both builds.
func (l *Launcher) Check(ctx context.Context, requests ...wire.Request) error {
	hello, err := l.Hello(ctx)
	if err != nil {
		return err
	}
	called := func() string { return fmt.Sprintf("mctr-shim, %s (%s), which would be started,", l.Shim, hello.Build) }
	return checkCompatible(hello, called, requests...)
}

// Hello is what the shim says of itself that would be started. The error wraps
// mctr.ErrUnsupported for one from before shims did.
func (l *Launcher) Hello(ctx context.Context) (*wire.Hello, error) {
	var st unix.Stat_t
	if err := unix.Stat(l.Shim, &st); err != nil {
		return nil, fmt.Errorf("start %s: %w (it is built by make and lies beside mctr)", l.Shim, err)
	}
	now := identity{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}
	said := record{}
	if l.Record != "" && atomicfile.ReadJSON(l.Record, &said) == nil && said.File == now {
		return &said.Hello, nil
	}
	hello, err := ask(ctx, l.Shim)
	if err == nil && l.Record != "" {
		_ = atomicfile.WriteJSON(l.Record, record{File: now, Hello: *hello}) // otherwise it is asked again
	}
	return hello, err
}

// A record is what a shim said, so that a launch need not start it twice.
type record struct {
	File  identity   `json:"file"`
	Hello wire.Hello `json:"hello"`
}

// An identity is another one as soon as something else is at the path.
type identity struct {
	Dev, Ino      uint64
	Size          int64
	Mtime, Change unix.Timespec
}

// ask starts the shim to say what it understands. One from before that looks for its
// socket, finds none and ends.
func ask(ctx context.Context, shim string) (*wire.Hello, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var out, complaint answer
	cmd := exec.CommandContext(ctx, shim, HelloVerb)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), &out, &complaint
	cmd.WaitDelay = time.Second // for what a script in its place left running
	err := inherit.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w (it is built by make and lies beside mctr)", shim, err)
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

// An answer is what a program says, up to what a shim has to say; one that says more is
// ended by that.
type answer struct{ text bytes.Buffer }

const maxAnswer = 1 << 20

// Write is io.Writer's.
func (a *answer) Write(p []byte) (int, error) {
	if a.text.Len()+len(p) > maxAnswer {
		return 0, fmt.Errorf("it says more than %d bytes", maxAnswer)
	}
	return a.text.Write(p)
}

// errSilent is the error about a shim that does not say what it understands, but said
// something else.
func errSilent(shim, said string) error {
	build := "of an unknown build"
	if b, err := buildinfo.ReadFile(shim); err == nil {
		build = b.String()
	}
	why := fmt.Sprintf("it is older than this program (%s)", buildinfo.Self())
	// as one looking for its socket does
	if said = strings.TrimSpace(said); !strings.Contains(said, "mctr starts this program") {
		why += fmt.Sprintf(", or fails: %q", said)
	}
	return &mctr.UnsupportedError{
		Feature: "mctr-shim, " + shim + " (" + build + "),", Remedy: remedy,
		Why: "it does not say what it understands, and would pass over the rest in silence: " + why,
	}
}

// checkCompatible refuses requests of which the sender of hello would pass over something.
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
		Why: fmt.Sprintf("%s does not understand it, and this program is another build (%s)", called(),
			buildinfo.Self()),
	}
}

// describeShim calls the shim that is the process pid by the file that it was started from.
func describeShim(pid int) string {
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	path, err := os.Readlink(exe)
	build, buildErr := buildinfo.ReadFile(exe)
	if errors.Join(err, buildErr) != nil {
		return fmt.Sprintf("the supervisor of the container (pid %d)", pid)
	}
	return fmt.Sprintf("the supervisor of the container (pid %d, %s, %s), which stays until the container ends,", pid,
		path, build)
}
