package quota

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mctr/mctr/internal/inherit"
)

// program returns the path of a program for system administration, whatever the caller's PATH.
func program(name string) (string, error) {
	for _, dir := range filepath.SplitList(strings.TrimPrefix(inherit.Path, "PATH=")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w (install e2fsprogs, 1.47 or newer)", name, exec.ErrNotFound)
}

// run runs a program of e2fsprogs until ctx ends, holding r's lock. Statuses other than 0 and those
// in succeeded are errors, with the program's output.
func (r *Record) run(ctx context.Context, succeeded []int, name string, args ...string) error {
	path, err := program(name)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{inherit.Path, "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if r.lock != nil {
		cmd.ExtraFiles = []*os.File{r.lock.File()}
	}
	if err = inherit.Start(cmd); err == nil {
		err = cmd.Wait()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && slices.Contains(succeeded, exit.ExitCode()) {
		return nil
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(out.String()))
	}
	return nil
}
