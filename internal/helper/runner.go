// Package helper runs one privileged operation that may hang, for instance a stat of a mount whose
// server is down, in a process of its own, mctr-helper. The caller sets the deadline: a helper that
// does not answer is killed, and one that cannot be killed, because it is in uninterruptible sleep,
// is left behind and reported. Request and answer are JSON on an inherited socket, descriptor 3.
//
// On disk: nothing. In the kernel: the helper process, and what the request asks for.
package helper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/inherit"
)

// FD is the helper's end of the socket.
const FD = 3

// The verbs of a Request.
const (
	VerbProbe  = "probe"  // stat(2) of Path
	VerbStatfs = "statfs" // statfs(2) of Path
	VerbMount  = "mount"  // mount(2)
	VerbUmount = "umount" // umount2(2) of Path with Flags
	VerbRead   = "read"   // the content of Path, if that is a regular file of at most MaxRead bytes
)

// MaxRead is the size of the largest file that VerbRead reads, in bytes.
const MaxRead = 512 << 10

// A Request is an operation for the helper. The sender may be from a newer build: a helper refuses
// a verb or a field that it does not know. Helpers of early builds ignored unknown fields, so an
// operation that needs a new field needs a new verb too.
type Request struct {
	Verb   string  `json:"verb"`
	Path   string  `json:"path"`
	Source string  `json:"source,omitempty"`
	Type   string  `json:"type,omitempty"`
	Flags  uintptr `json:"flags,omitempty"`
	Data   string  `json:"data,omitempty"`
}

// An Answer is the result of a Request.
type Answer struct {
	Errno int    `json:"errno,omitempty"`
	Mode  uint32 `json:"mode,omitempty"`  // probe, read: st_mode
	Owner *Owner `json:"owner,omitempty"` // probe; nil from helpers of earlier builds
	Total uint64 `json:"total,omitempty"` // statfs: bytes
	Free  uint64 `json:"free,omitempty"`  // statfs: bytes available to unprivileged users
	Data  []byte `json:"data,omitempty"`  // read: the content, and MaxRead+1 bytes of a larger file

	Value string   `json:"value,omitempty"` // getxattr
	Names []string `json:"names,omitempty"` // list: sorted

	Unknown []string `json:"unknown,omitempty"` // with ENOSYS: the verb or fields that the helper does not know
}

// An Owner is the owner of a file.
type Owner struct {
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// ErrHung is wrapped if the operation did not end before the context's deadline.
var ErrHung = errors.New("operation hangs")

// A LeftBehindError is wrapped if the helper cannot be killed, because it is in uninterruptible sleep.
// It ends when the sleep does, for instance when the filesystem's server answers or is aborted.
type LeftBehindError struct {
	Pid   int
	Stack string // the functions of the kernel that the helper is in; "": not known
	Err   error  // ErrHung, or why the caller cancelled
}

func (e *LeftBehindError) Error() string {
	return fmt.Sprintf("%v: pid %d cannot be killed and is left behind; the kernel's stack: %s", e.Err, e.Pid, e.Stack)
}

func (e *LeftBehindError) Unwrap() error { return e.Err }

// ErrFailed is wrapped if the helper could not be started or did not send a valid answer. The
// result of the operation is unknown then; in particular, a missing helper must not look like a
// missing path.
var ErrFailed = errors.New("helper failed")

// A Runner starts helpers.
type Runner struct{ Helper string }

// Probe calls stat(2) for path, following links. The error wraps the errno of stat(2), or ErrHung.
func (r *Runner) Probe(ctx context.Context, path string) error {
	_, err := r.Do(ctx, Request{Verb: VerbProbe, Path: path})
	return err
}

// ReadFile returns the content of a regular file, following links. The error wraps mctr.ErrInvalid for
// a file that is not regular or larger than MaxRead, an errno of open(2) or read(2), or ErrHung.
func (r *Runner) ReadFile(ctx context.Context, path string) ([]byte, error) {
	a, err := r.Do(ctx, Request{Verb: VerbRead, Path: path})
	switch {
	case err != nil:
		return nil, err
	case a.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, fmt.Errorf("%w: read %s: it is not a regular file", mctr.ErrInvalid, path)
	case len(a.Data) > MaxRead:
		return nil, fmt.Errorf("%w: read %s: it is larger than %d bytes", mctr.ErrInvalid, path, MaxRead)
	}
	return a.Data, nil
}

// Do runs one operation until ctx ends. If the deadline of ctx ends it, the error wraps ErrHung; if
// ctx is cancelled, it wraps the cause.
func (r *Runner) Do(ctx context.Context, request Request) (*Answer, error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	cmd := exec.Command(r.Helper)
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{theirs}
	err = inherit.Start(cmd)
	_ = theirs.Close()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: start %s: %v", request.Verb, request.Path, ErrFailed, r.Helper, err)
	}
	answer, err := r.converse(ctx, ours, cmd, request)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", request.Verb, request.Path, err)
	}
	return answer, nil
}

func (r *Runner) converse(ctx context.Context, conn *os.File, cmd *exec.Cmd, request Request) (*Answer, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer := &Answer{}
	err := json.NewEncoder(conn).Encode(request)
	if err == nil {
		err = json.NewDecoder(conn).Decode(answer)
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, kill(cmd, ErrHung)
	case ctx.Err() != nil:
		return nil, kill(cmd, context.Cause(ctx))
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFailed, err)
	}
	if unix.Errno(answer.Errno) == unix.ENOSYS {
		return nil, r.unknown(request, answer.Unknown)
	}
	if answer.Errno != 0 {
		return nil, unix.Errno(answer.Errno)
	}
	return answer, nil
}

// unknown returns the error for a helper that does not know the request. Helpers of early builds do
// not name what they do not know; they refuse only verbs.
func (r *Runner) unknown(request Request, what []string) error {
	if len(what) == 0 {
		what = []string{"verb " + request.Verb}
	}
	build := "of an unknown build"
	if b, err := buildinfo.ReadFile(r.Helper); err == nil {
		build = b.String()
	}
	return fmt.Errorf("%w: mctr-helper, %s (%s), does not know %s, and this program is another build (%s) (keep "+
		"mctr's programs together, of one build)",
		unix.ENOSYS, r.Helper, build, strings.Join(what, ", "), buildinfo.Self())
}

// kill kills the helper and returns why, with the kernel's stack if the helper hangs. It does not
// wait for a process that a signal does not reach.
func kill(cmd *exec.Cmd, why error) error {
	where, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stack", cmd.Process.Pid))
	_ = cmd.Process.Kill()
	dead := make(chan struct{})
	go func() { _ = cmd.Wait(); close(dead) }()
	select {
	case <-dead:
		return why
	case <-time.After(100 * time.Millisecond):
		stack := strings.ReplaceAll(strings.TrimSpace(string(where)), "\n", " < ")
		return &LeftBehindError{Pid: cmd.Process.Pid, Stack: stack, Err: why}
	}
}

func socketpair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fds[0], true); err != nil { // deadlines need it
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "helper"), os.NewFile(uintptr(fds[1]), "helper"), nil
}
