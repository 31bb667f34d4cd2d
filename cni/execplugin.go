package cni

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/inherit"
)

const (
	// maxOutput limits how much of a plugin's stdout, and of its stderr, is kept.
	maxOutput = 1 << 20
	// lockFD is the descriptor by which plugins hold the lock of their attachment.
	lockFD = 3
	// drainTime is how long the children of a plugin that has exited may keep its stdout open.
	drainTime = time.Second
)

// A Call describes one process of a plugin that has exited.
type Call struct {
	Plugin, Command string
	Wall, CPU       time.Duration // Wall: from before the start to after wait4(2); CPU: with children
}

// An executor runs plugins for libcni. Every plugin is a process group of its own, which is killed
// as a whole at its deadline, and inherits the lock as lockFD. The lock is therefore held as long
// as the plugin, or a process that it started, works on an attachment, also if this process has
// died.
type executor struct {
	version.PluginDecoder
	lock    *os.File // nil: none
	timeout time.Duration
	observe func(Call)

	answered func(result []byte) error // called with the answer to each plugin's ADD; may be nil
	previous json.RawMessage           // the previous result for DEL, if libcni has none
}

// FindInPath returns the path of a plugin's program.
func (*executor) FindInPath(plugin string, dirs []string) (string, error) {
	path, err := invoke.FindInPath(plugin, dirs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", mctr.ErrUnsupported, err)
	}
	return path, nil
}

// ExecPlugin runs a plugin and returns its stdout.
func (e *executor) ExecPlugin(ctx context.Context, program string, stdin []byte, environ []string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, errSlow)
	defer cancel()
	stdout, stderr := &bounded{}, &bounded{}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environment(environ), bytes.NewReader(e.withPrevious(stdin)), stdout,
		stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = drainTime
	if e.lock != nil {
		cmd.ExtraFiles = []*os.File{e.lock} // the first is lockFD
	}
	begin := time.Now()
	err := inherit.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	call := Call{Plugin: filepath.Base(program), Command: cniCommand(environ), Wall: time.Since(begin)}
	if cmd.ProcessState != nil {
		call.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if e.observe != nil {
		e.observe(call)
	}
	out, err := e.checkOutput(ctx, call, stdout, stderr, err)
	if err == nil && e.answered != nil {
		err = e.answered(out)
	}
	return out, err
}

// environment returns the environment of a plugin: libcni's variables, and of this process' own
// only the armed failpoints.
func environment(given []string) []string {
	env := []string{inherit.Path, "HOME=/root", "LANG=C"}
	for _, v := range given {
		if strings.HasPrefix(v, "CNI_") || strings.HasPrefix(v, "MCTR_FAILPOINTS=") {
			env = append(env, v)
		}
	}
	return env
}

// withPrevious adds the previous result to a configuration that lacks it. libcni has a result only
// if all plugins have answered ADD. A plugin that gets DEL after an incomplete ADD needs the result
// too: the firewall plugin, for example, leaves its rules if it does not know the addresses.
func (e *executor) withPrevious(stdin []byte) []byte {
	conf := map[string]json.RawMessage{}
	if e.previous == nil || json.Unmarshal(stdin, &conf) != nil || conf["prevResult"] != nil {
		return stdin
	}
	conf["prevResult"] = e.previous
	with, err := json.Marshal(conf)
	if err != nil {
		return stdin
	}
	return with
}

// checkOutput returns the plugin's output. It fails if the plugin failed, or if the output is not
// valid JSON.
func (e *executor) checkOutput(ctx context.Context, call Call, stdout, stderr *bounded, err error) ([]byte, error) {
	failed := &PluginError{Plugin: call.Plugin, Command: call.Command, Stderr: stderr.text()}
	out := bytes.TrimSpace(stdout.data)
	switch {
	case errors.Is(context.Cause(ctx), errSlow):
		failed.Err = fmt.Errorf("%w: still running after %v, killed", context.DeadlineExceeded, e.timeout)
	case ctx.Err() != nil:
		failed.Err = context.Cause(ctx)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		failed.Err = pluginError(out, err)
	case stdout.over:
		failed.Err = fmt.Errorf("%w: its answer is longer than %d bytes", mctr.ErrInvalid, maxOutput)
	case len(out) > 0 && !json.Valid(out):
		failed.Err = fmt.Errorf("%w: its answer is not JSON: %.100q", mctr.ErrInvalid, out)
	default:
		return out, nil
	}
	return nil, failed
}

// pluginError returns the error object that a plugin printed (CNI specification, Error), otherwise
// the error of its process.
func pluginError(stdout []byte, err error) error {
	told := &types.Error{}
	if json.Unmarshal(stdout, told) == nil && told.Msg != "" {
		return told
	}
	return err
}

var errSlow = errors.New("too slow")

func cniCommand(environ []string) string {
	for _, v := range environ {
		if command, ok := strings.CutPrefix(v, "CNI_COMMAND="); ok {
			return command
		}
	}
	return ""
}

// A PluginError is the failure of a plugin. It unwraps to a *types.Error if the plugin printed an
// error in CNI's form.
type PluginError struct {
	Plugin, Command string
	Err             error
	Stderr          string // the end of what it logged
}

func (e *PluginError) Error() string {
	text := fmt.Sprintf("plugin %s, %s: %v", e.Plugin, e.Command, e.Err)
	if e.Stderr != "" {
		text += "; it logged: " + e.Stderr
	}
	return text
}

func (e *PluginError) Unwrap() error { return e.Err }

// bounded keeps the first maxOutput bytes that are written to it.
type bounded struct {
	data []byte
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := p[:min(len(p), maxOutput-len(b.data))]
	b.over = b.over || len(keep) < len(p)
	b.data = append(b.data, keep...)
	return len(p), nil
}

// text returns the end of a log as one line.
func (b *bounded) text() string {
	const most = 500
	text := strings.Join(strings.FieldsFunc(string(b.data), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	return text
}
