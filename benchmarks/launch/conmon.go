package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// A conmon is one container that runc runs under conmon, the monitor of podman and CRI-O.
type conmon struct{ name, dir, root string }

// start returns the pid of conmon, which has put itself into the background.
func (c conmon) start(ctx context.Context) (int, error) {
	path, err := exec.LookPath("runc")
	if err != nil {
		return 0, err
	}
	pidFile := filepath.Join(c.dir, "conmon.pid")
	err = execute(ctx, "conmon", "--api-version", "1", "--cid", c.name, "--cuuid", c.name, "--name", c.name,
		"--runtime", path, "--runtime-arg", "--root", "--runtime-arg", c.root,
		"--bundle", c.dir, "--persist-dir", c.dir, "--exit-dir", c.dir, "--socket-dir-path", c.dir,
		"--container-pidfile", filepath.Join(c.dir, "pid"), "--conmon-pidfile", pidFile,
		"--log-path", "k8s-file:"+filepath.Join(c.dir, "log"), "--log-level", "error")
	if err != nil {
		return 0, err
	}
	if err := c.created(ctx); err != nil {
		return 0, err
	}
	if err := c.runc(ctx, "start", c.name); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", pidFile, err)
	}
	return pid, nil
}

// created waits until conmon has created the container, which happens in the background.
func (c conmon) created(ctx context.Context) error {
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(filepath.Join(c.dir, "pid")); err == nil && len(text) > 0 {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(limit) {
			return fmt.Errorf("conmon made no container %s within ten seconds", c.name)
		}
	}
}

// end removes the container. conmon exits with it.
func (c conmon) end(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.root, c.name)); errors.Is(err, os.ErrNotExist) {
		return nil // it was never created
	}
	return c.runc(ctx, "delete", "--force", c.name)
}

func (c conmon) runc(ctx context.Context, args ...string) error {
	return execute(ctx, append([]string{"runc", "--root", c.root}, args...)...)
}
