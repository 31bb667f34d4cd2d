package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/fields"
	"github.com/mctr/mctr/logs"
)

// readGroup reads the file that --group names; "-" is stdin.
func readGroup(path string) (*mctr.Group, error) {
	file, err := os.Stdin, error(nil)
	if path != "-" {
		if file, err = os.Open(path); err != nil {
			return nil, fmt.Errorf("--group: %w", err)
		}
		defer file.Close()
	}
	return decodeGroup(io.LimitReader(file, maxGroup))
}

// groupStopTime is what tasks have to end after a signal to this command.
const groupStopTime = 10 * time.Second

// maxGroup bounds a group's file, in bytes.
const maxGroup = 4 << 20

func decodeGroup(r io.Reader) (*mctr.Group, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("--group: %w", err)
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: --group: the file has bytes that are no UTF-8", mctr.ErrInvalid)
	}
	if err := rejectDuplicateKeys(data, "tasks", "labels", "annotations", "sysctls"); err != nil {
		return nil, fmt.Errorf("--group: %w", err)
	}
	g := &mctr.Group{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // a misspelt limit must not be no limit
	if err := fields.Renamed(d.Decode(g), g); err != nil {
		return nil, fmt.Errorf("%w: --group: %w", mctr.ErrInvalid, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%w: --group: more than one group in the file", mctr.ErrInvalid)
	}
	return g, g.Validate()
}

// watchedTask refuses what somebody must watch for a group's task: who sees its end is
// to end the group, if it is not started again.
func watchedTask(task *mctr.ContainerConfig, detach bool) error {
	if detach && !task.Restart.Never() {
		return fmt.Errorf("%w: a restart policy in a detached group: nobody would know whether the task has failed "+
			"(run it in the foreground, or by an agent)", mctr.ErrUnsupported)
	}
	return nil
}

// runGroup runs a group; in the foreground it shows what the tasks print, and
// ends with the exit code of the one that failed.
func (a *app) runGroup(ctx context.Context, o *runOptions, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: with --group there is no IMAGE: the file names one for each task", mctr.ErrInvalid)
	}
	g, err := readGroup(o.group)
	if err != nil {
		return err
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		if err := watchedTask(&task, o.detach && !a.remote()); err != nil {
			return fmt.Errorf("task %s: %w", name, err)
		}
	}
	if o.launch.name != "" {
		g.Root.Name = o.launch.name
	}
	g.Root.Remove = g.Root.Remove || o.launch.rm
	c, err := a.apiForChange(ctx)
	if err != nil {
		return err
	}
	ctx, stop := until(ctx, terminationSignals...)
	defer stop()
	id := mctr.NewID()
	options := containerizer.LaunchOptions{Detach: o.detach}
	if !o.quiet {
		options.Progress = newProgress(os.Stderr)
	}
	if err := c.LaunchGroup(ctx, id, g, options); err != nil {
		return err
	}
	if o.detach {
		fmt.Println(id)
		return nil
	}
	err = followGroup(ctx, c, id, g.Names())
	if g.Root.Remove {
		return confirmRemoved(context.WithoutCancel(ctx), c, id, err)
	}
	return err
}

// followGroup shows the tasks' output until the group has ended, which a signal
// makes it do.
func followGroup(ctx context.Context, c agent.Containers, id mctr.ContainerID, tasks []string) error {
	after := context.WithoutCancel(ctx)
	var all sync.WaitGroup
	over, end := context.WithCancel(after)
	all.Go(func() {
		select {
		case <-over.Done():
		case <-ctx.Done():
			_, _ = c.Stop(after, id, unix.SIGTERM, groupStopTime) // what it says, the wait below says too
		}
	})
	var mu sync.Mutex // of the lines of all tasks
	ends := make([]*mctr.Termination, len(tasks))
	for i, task := range tasks {
		member := id + "." + mctr.ContainerID(task)
		all.Go(func() { ends[i], _ = c.Wait(after, member) })
		all.Go(func() {
			_ = c.Logs(after, member, logs.ReadOptions{Follow: true, Tail: -1}, func(e logs.Entry) error {
				return printTask(&mu, task, e)
			})
		})
	}
	root, err := c.Wait(after, id)
	end()
	all.Wait()
	if err != nil && !errors.Is(err, mctr.ErrNotFound) {
		return err
	}
	return groupStatus(ctx, id, tasks, ends, root)
}

// printTask shows a line with its task's name before it.
func printTask(mu *sync.Mutex, task string, e logs.Entry) error {
	mu.Lock()
	defer mu.Unlock()
	out := os.Stdout
	if e.Stream == logs.Stderr {
		out = os.Stderr
	}
	_, err := fmt.Fprintf(out, "%s | %s\n", task, e.Text)
	return err
}

// groupStatus is the exit code of the task that failed, and says which it was.
func groupStatus(ctx context.Context, id mctr.ContainerID, tasks []string, ends []*mctr.Termination,
	root *mctr.Termination) error {
	if ctx.Err() != nil {
		return exitStatus{code: 128 + int(unix.SIGTERM)}
	}
	for i, t := range ends {
		if t != nil && t.Failed() && t.Reason != mctr.ReasonParentEnded {
			fmt.Fprintf(stderr, "mctr: task %s of %s: %s, exit code %d\n", tasks[i], id.Short(), t.Reason, t.ExitCode)
			return failure(t)
		}
	}
	if root != nil && root.Failed() {
		return failure(root)
	}
	return nil
}
