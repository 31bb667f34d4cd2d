package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/containerizer"
)

// A verb does something with one container and prints nothing when it fails.
type verb func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error

// maxParallel bounds what is done to several containers at once.
const maxParallel = 32

// eachContainer applies do to one container named after the other, prints each name
// that succeeded, and fails if any failed.
func (a *app) eachContainer(cmd *cobra.Command, refs []string, do verb) error {
	return a.someContainers(cmd, refs, 1, do)
}

// allContainers is eachContainer for what takes its time: to all at once. It still
// prints in the order in which they are named.
func (a *app) allContainers(cmd *cobra.Command, refs []string, do verb) error {
	return a.someContainers(cmd, refs, maxParallel, do)
}

func (a *app) someContainers(cmd *cobra.Command, refs []string, atOnce int, do verb) error {
	c, err := a.apiForChange(cmd.Context())
	if err != nil {
		return err
	}
	results := make([]chan error, len(refs))
	for i := range results {
		results[i] = make(chan error, 1)
	}
	go func() {
		var group errgroup.Group
		group.SetLimit(atOnce)
		for i, ref := range refs {
			group.Go(func() error { results[i] <- doOne(cmd.Context(), c, ref, do); return nil })
		}
	}()
	var errs []error
	for i, ref := range refs {
		if err := <-results[i]; err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", ref, err))
			continue
		}
		fmt.Println(ref)
	}
	return errors.Join(errs...)
}

func doOne(ctx context.Context, c agent.Containers, ref string, do verb) error {
	id, err := c.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	return do(ctx, c, id)
}

func (a *app) startDetached(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	_, err := c.Start(ctx, id, containerizer.LaunchOptions{Detach: true})
	return err
}

func (a *app) stopCommand() *cobra.Command {
	var seconds int
	var sig string
	cmd := &cobra.Command{
		Use:               "stop [flags] CONTAINER...",
		Short:             "End containers: ask, then kill",
		Long:              "Send the container's stop signal, and SIGKILL when it has not ended after a while.",
		Example:           "  mctr stop -t 30 web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeContainers,
	}
	cmd.Flags().IntVarP(&seconds, "time", "t", 0,
		"seconds before SIGKILL (default: the container's --stop-timeout, or 10; -1: for ever)")
	cmd.Flags().IntVar(&seconds, "timeout", 0, "the same as --time")
	cmd.Flags().StringVarP(&sig, "signal", "s", "", "what to send first (default: the container's stop signal)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given := cmd.Flags().Changed("time") || cmd.Flags().Changed("timeout")
		return a.allContainers(cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return a.stop(ctx, c, id, sig, seconds, given)
		})
	}
	return cmd
}

func stopSignal(asked string, s *mctr.Status) (unix.Signal, error) {
	if asked == "" {
		asked = s.StopSignal
	}
	if asked == "" {
		return unix.SIGTERM, nil
	}
	return parseSignal(asked)
}

func parseSignal(s string) (unix.Signal, error) {
	number, err := signal.ParseSignal(s)
	if err != nil {
		return 0, fmt.Errorf("%w: signal %s: %w", mctr.ErrInvalid, s, err)
	}
	return number, nil
}

// stopTime is how long to wait before the kill.
func stopTime(s *mctr.Status, seconds int, given bool) time.Duration {
	switch {
	case given && seconds < 0:
		return mctr.Forever
	case given:
		return time.Duration(seconds) * time.Second
	}
	return s.Config.StopTime()
}

func (a *app) killCommand() *cobra.Command {
	var sig string
	cmd := &cobra.Command{
		Use:   "kill [flags] CONTAINER...",
		Short: "Send a signal to containers",
		Long: `Send a signal to the first process of containers. What SIGKILL or its stop signal
was sent to is not started again by its restart policy.`,
		Example:           "  mctr kill -s HUP web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeContainers,
	}
	cmd.Flags().StringVarP(&sig, "signal", "s", "KILL", "signal as TERM, SIGTERM or 15")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		number, err := parseSignal(sig)
		if err != nil {
			return err
		}
		return a.eachContainer(cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Kill(ctx, id, number)
		})
	}
	return cmd
}

func (a *app) rmCommand() *cobra.Command {
	var force, all bool
	cmd := &cobra.Command{
		Use:               "rm [flags] CONTAINER...",
		Short:             "Remove ended containers, with their logs and files",
		Example:           "  mctr rm web\n  mctr rm -f $(mctr ps -aq)",
		ValidArgsFunction: a.completeContainers,
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "kill it first when it runs")
	cmd.Flags().BoolP("volumes", "v", true, "its own volumes go with it, always")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "every container that has ended; with --force, every container")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !all && len(args) == 0 {
			return fmt.Errorf("%w: no container given", mctr.ErrInvalid)
		}
		if all {
			if err := a.removeAll(cmd.Context(), force); err != nil || len(args) == 0 {
				return err
			}
		}
		return a.eachContainer(cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Remove(ctx, id, force)
		})
	}
	return cmd
}

// removeAll removes every container that has ended, with force those that have not too.
// One that is gone by the time its turn comes removed itself, or went with its root.
func (a *app) removeAll(ctx context.Context, force bool) error {
	c, err := a.apiForChange(ctx)
	if err != nil {
		return err
	}
	list, err := a.statuses(ctx, c)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range list {
		if s.Phase != mctr.Exited && s.Phase != mctr.Lost && !force {
			continue
		}
		if err := c.Remove(ctx, s.ID, force); err == nil {
			fmt.Println(s.ID)
		} else if !errors.Is(err, mctr.ErrNotFound) {
			errs = append(errs, fmt.Errorf("%s: %w", s.ID.Short(), err))
		}
	}
	return errors.Join(errs...)
}

// statuses are all containers', the newest first. One that goes meanwhile, or is
// not yet written down, is left out.
func (a *app) statuses(ctx context.Context, c agent.Containers) ([]*mctr.Status, error) {
	ids, err := c.Containers(ctx)
	if err != nil {
		return nil, err
	}
	var list []*mctr.Status
	for _, id := range ids {
		s, err := c.Status(ctx, id)
		if errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	sortByCreation(list)
	return list, nil
}

// completeContainers offers names and short ids.
func (a *app) completeContainers(cmd *cobra.Command, _ []string,
	_ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if a.begin(cmd, nil) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	c, err := a.api(context.Background())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, _ := a.statuses(context.Background(), c)
	var words []cobra.Completion
	for _, s := range list {
		words = append(words, s.ID.Short())
		if s.Config.Name != "" {
			words = append(words, s.Config.Name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
