package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
)

func (a *app) createCommand() *cobra.Command {
	l := &launchFlags{}
	cmd := &cobra.Command{
		Use:   "create [flags] IMAGE [COMMAND [ARG...]]",
		Short: "Record a container without running it",
		Long: "Record a container and print its id. Nothing runs before start; until then it\n" +
			"survives a reboot. The flags are those of run.",
		Example:           "  id=$(mctr create -m 64m debian sleep 60) && mctr start $id",
		ValidArgsFunction: a.completeFirstImage,
		RunE:              func(cmd *cobra.Command, args []string) error { return failedToRun(a.create(cmd, l, args)) },
	}
	a.prepareLaunchFlags(cmd, l)
	return cmd
}

func (a *app) create(cmd *cobra.Command, l *launchFlags, args []string) error {
	image, command, err := l.imageAndCommand(args)
	if err != nil {
		return err
	}
	config, err := l.config(cmd.Flags(), image, command)
	if err != nil {
		return err
	}
	if err := a.chooseNetwork(cmd.Context(), config); err != nil {
		return err
	}
	c, err := a.apiForChange(cmd.Context())
	if err != nil {
		return err
	}
	cid, err := reserveCIDFile(l.cidfile)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	id := mctr.NewID()
	if err := c.Create(ctx, id, config, newProgress(os.Stderr)); err != nil {
		_ = cid.drop()
		return err
	}
	fmt.Println(id)
	return cid.write(id)
}

func (a *app) startCommand() *cobra.Command {
	var attach, stdin bool
	cmd := &cobra.Command{
		Use:               "start [flags] CONTAINER...",
		Short:             "Run created containers",
		Example:           "  mctr start web\n  mctr start -a job; echo $?",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			if attach = attach || stdin; !attach {
				return a.eachContainer(cmd, args, a.startDetached)
			}
			if len(args) > 1 {
				return fmt.Errorf("%w: --attach and --interactive take one container", mctr.ErrInvalid)
			}
			return failedToRun(a.startAttached(cmd, args[0], stdin))
		},
	}
	cmd.Flags().BoolVarP(&attach, "attach", "a", false, "show its output and end with its exit code")
	cmd.Flags().BoolVarP(&stdin, "interactive", "i", false, "pass stdin on, and show its output as with --attach")
	cmd.SetFlagErrorFunc(failedFlag)
	return cmd
}

func (a *app) startAttached(cmd *cobra.Command, ref string, stdin bool) error {
	ctx := cmd.Context()
	c, err := a.apiForChange(ctx)
	if err != nil {
		return err
	}
	id, err := c.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	status, err := c.Status(ctx, id)
	if err != nil {
		return err
	}
	config := *status.Config
	config.Process.Stdin = config.Process.Stdin && stdin
	o := &sessionOptions{sigProxy: true, detachKeys: defaultDetachKeys, tty: config.Process.Terminal}
	s := newSession(c, id, o, &config)
	defer s.restore()
	stream, err := c.Start(s.pulling(ctx), id, s.options())
	if err != nil {
		return err
	}
	return s.follow(ctx, stream)
}
