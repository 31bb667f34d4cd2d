package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/logs"
)

// groupStopTime is the time for the tasks to exit after a signal to this command.
const groupStopTime = 10 * time.Second

// watchedTask refuses a restart policy for a task of a detached group. The supervisor of the task stops
// the group when the task fails, but a failed task with a policy may be restarted, which only this
// command or an agent would know.
func watchedTask(task *mctr.ContainerConfig, detach bool) error {
	if detach && !task.Restart.Never() {
		return fmt.Errorf("%w: a restart policy in a detached group: no process would notice that the task has "+
			"failed (run the group in the foreground, or with an agent)", mctr.ErrUnsupported)
	}
	return nil
}

// runGroup runs a group. In the foreground it prints the output of the tasks, and returns the exit code
// of the task that failed.
func runGroup(ctx context.Context, h *hostapi.Host, o *runOptions, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: --group cannot be combined with IMAGE: the file names the image of each task",
			mctr.ErrInvalid)
	}
	g, err := flags.ReadGroup(o.group)
	if err != nil {
		return err
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		if err := watchedTask(&task, o.Detach && !h.Remote()); err != nil {
			return fmt.Errorf("task %s: %w", name, err)
		}
	}
	if o.launch.Name != "" {
		g.Root.Name = o.launch.Name
	}
	g.Root.Remove = g.Root.Remove || o.launch.Rm
	c, err := h.APIForChange(ctx)
	if err != nil {
		return err
	}
	ctx, stop := session.Until(ctx, session.TerminationSignals...)
	defer stop()
	id := mctr.NewID()
	options := containerizer.LaunchOptions{Detach: o.Detach}
	if !o.Quiet {
		options.Progress = format.Progress(os.Stderr)
	}
	if err := c.LaunchGroup(ctx, id, g, options); err != nil {
		return err
	}
	if o.Detach {
		fmt.Println(id)
		return nil
	}
	err = followGroup(ctx, c, id, g.Names())
	if g.Root.Remove {
		return session.ConfirmRemoved(context.WithoutCancel(ctx), c, id, err)
	}
	return err
}

// followGroup prints the output of the tasks until the group has exited. A signal to this command stops
// the group.
func followGroup(ctx context.Context, c agent.Containers, id mctr.ContainerID, tasks []string) error {
	after := context.WithoutCancel(ctx)
	var all sync.WaitGroup
	over, end := context.WithCancel(after)
	all.Go(func() {
		select {
		case <-over.Done():
		case <-ctx.Done():
			o := mctr.StopOptions{Signal: unix.SIGTERM, Timeout: new(groupStopTime)}
			_, _ = c.Stop(after, id, o) // Wait below returns the same error
		}
	})
	var mu sync.Mutex // guards the output of all tasks
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

// printTask prints a line after the name of its task.
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

// groupStatus returns the exit code of the task that failed, and prints which one it was.
func groupStatus(ctx context.Context, id mctr.ContainerID, tasks []string, ends []*mctr.Termination,
	root *mctr.Termination) error {
	if ctx.Err() != nil {
		return exit.Status{Code: 128 + int(unix.SIGTERM)}
	}
	for i, t := range ends {
		if t != nil && t.Failed() && t.Reason != mctr.ReasonParentEnded {
			fmt.Fprintf(format.Stderr, "mctr: task %s of %s: %s, exit code %d\n", tasks[i], id.Short(), t.Reason,
				t.ExitCode)
			return exit.OfContainer(t)
		}
	}
	if root != nil && root.Failed() {
		return exit.OfContainer(root)
	}
	return nil
}
