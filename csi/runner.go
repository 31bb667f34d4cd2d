package csi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/inherit"
)

// A Runner starts mctr-csi, one process for each request.
type Runner struct{ Program string } // absolute path of mctr-csi

// Do has a request done and returns its answer. The error is an *Error if the request has failed. If
// ctx ends first, Do returns its cause at once: a process that does something is told to stop and to
// undo what it has done, and one that undoes something goes on to its own deadline (Request.Undoes).
func (r *Runner) Do(ctx context.Context, request *Request) (*Answer, error) {
	input, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	var output, said bytes.Buffer
	cmd := exec.Command(r.Program)
	cmd.Env = []string{inherit.Path}
	if points := os.Getenv(failpoint.Env); points != "" {
		cmd.Env = append(cmd.Env, failpoint.Env+"="+points)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &output, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's signals are not for it
	if err := inherit.Start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", r.Program, err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case err := <-exited:
		return parseAnswer(output.Bytes(), said.String(), err)
	case <-ctx.Done():
		if !request.Undoes() {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may have exited
		}
		return nil, fmt.Errorf("csi %s: gave up waiting for process %d: %w", request.Verb, cmd.Process.Pid,
			context.Cause(ctx))
	}
}

// parseAnswer returns what a process has answered. A process that died has an unknown outcome.
func parseAnswer(output []byte, said string, exit error) (*Answer, error) {
	answer := &Answer{}
	if err := json.Unmarshal(output, answer); err != nil {
		if exit == nil {
			exit = err
		}
		return nil, &Error{Kind: KindHost, Unknown: true,
			Message: strings.TrimSpace(fmt.Sprintf("mctr-csi gave no answer: %v %s", exit, said))}
	}
	if answer.Error != nil {
		return answer, answer.Error
	}
	return answer, nil
}
