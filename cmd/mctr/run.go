package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// runOptions are the flags of run alone.
type runOptions struct {
	sessionOptions
	launch  launchFlags
	dryRun  bool
	timings bool
	group   string
}

func (a *app) runCommand() *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run [flags] IMAGE [COMMAND [ARG...]]",
		Short: "Run a command in a new container",
		Long: `Run a command in a new container.

IMAGE is a registry's (debian, quay.io/org/app:tag, host:5000/app@sha256:...),
oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], rootfs:DIR, or
the id of an image in the store. With --no-image there is none: COMMAND runs on
the host's filesystem, in a sandbox of its own.

The exit code is the command's; 128+n when signal n ended it; 125 when mctr
failed, 126 when the command cannot be invoked, 127 when it is not found.`,
		Example: `  mctr run --rm -it debian bash
  mctr run -d --name web -m 64m --cpus 0.5 --pids-limit 100 oci:./web
  mctr run --rm --no-image -v /data:/data:ro make -C /data
  mctr run -d -p 8080:80 --name web nginx
  mctr run --network blue:ip=10.9.0.7 --network storage debian ip address
  mctr run --group pod.json --rm
  mctr run --dry-run busybox true        # print the OCI config.json`,
		ValidArgsFunction: a.completeFirstImage,
		RunE:              func(cmd *cobra.Command, args []string) error { return failedToRun(a.run(cmd, o, args)) },
	}
	a.prepareLaunchFlags(cmd, &o.launch)
	f := cmd.Flags()
	f.BoolVarP(&o.detach, "detach", "d", false, "leave it running and print its id")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the OCI config.json and run nothing")
	f.BoolVar(&o.timings, "timings", false, "say on stderr what took how long")
	f.BoolVar(&o.sigProxy, "sig-proxy", true, "pass signals on to the container")
	f.StringVar(&o.detachKeys, "detach-keys", defaultDetachKeys,
		"keys that leave a terminal without ending the container (\"\": none)")
	f.StringVar(&o.group, "group", "",
		"run the tasks in `FILE` (JSON, - is stdin) together: one that fails ends the rest; see docs/groups.md")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress of the pull")
	return cmd
}

// prepareLaunchFlags registers the flags of run and create. Flags end at the
// image; -h is the hostname, as with docker.
func (a *app) prepareLaunchFlags(cmd *cobra.Command, l *launchFlags) {
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().Bool("help", false, "help for "+cmd.Name())
	l.register(cmd.Flags())
	cmd.SetFlagErrorFunc(failedFlag)
	_ = cmd.RegisterFlagCompletionFunc("pull", words("always", "missing", "never", "newer"))
	_ = cmd.RegisterFlagCompletionFunc("restart", words("no", "on-failure", "always", "unless-stopped"))
	_ = cmd.RegisterFlagCompletionFunc("network", a.completeNetworks)
	_ = cmd.RegisterFlagCompletionFunc("log-driver", words("cri", "json-file", "raw", "none"))
}

func words(list ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// failedFlag gives an error of a flag docker's exit code for what runs something.
func failedFlag(_ *cobra.Command, err error) error { return exitStatus{code: ownFailure, err: err} }

// failedToRun gives an error of run or exec docker's exit code.
func failedToRun(err error) error {
	var status exitStatus
	switch {
	case err == nil, errors.As(err, &status):
		return err
	case errors.Is(err, wire.ErrCommandNotFound):
		return exitStatus{code: 127, err: err}
	case errors.Is(err, wire.ErrCommandInvoke):
		return exitStatus{code: 126, err: err}
	}
	return exitStatus{code: ownFailure, err: err}
}

// imageAndCommand splits the arguments.
func (l *launchFlags) imageAndCommand(args []string) (image string, command []string, err error) {
	if l.noImage {
		return "", args, nil
	}
	if len(args) == 0 {
		return "", nil, fmt.Errorf("%w: no image given (--no-image runs on the host's filesystem)", mctr.ErrInvalid)
	}
	return args[0], args[1:], nil
}

func (a *app) run(cmd *cobra.Command, o *runOptions, args []string) error {
	if o.group != "" {
		return a.runGroup(cmd.Context(), o, args)
	}
	image, command, err := o.launch.imageAndCommand(args)
	if err != nil {
		return err
	}
	config, err := o.launch.config(cmd.Flags(), image, command)
	if err != nil {
		return err
	}
	if err := a.chooseNetwork(cmd.Context(), config); err != nil {
		return err
	}
	if o.launch.tty && !o.detach && o.launch.stdin && !isTerminal(os.Stdin) {
		return fmt.Errorf("%w: the input device is not a TTY", mctr.ErrInvalid)
	}
	if _, err := parseDetachKeys(o.detachKeys); err != nil {
		return err
	}
	if o.dryRun {
		return a.dryRun(cmd.Context(), config)
	}
	c, err := a.apiForChange(cmd.Context())
	if err != nil {
		return err
	}
	return a.launch(cmd.Context(), c, o, config)
}

func (a *app) launch(ctx context.Context, c agent.Containers, o *runOptions, config *mctr.ContainerConfig) error {
	id := mctr.NewID()
	cid, err := reserveCIDFile(o.launch.cidfile)
	if err != nil {
		return err
	}
	o.tty = o.launch.tty
	s := newSession(c, id, &o.sessionOptions, config)
	defer s.restore()
	options := s.options()
	times := &timings{}
	if o.timings {
		options.Step = times.add
	}
	stream, err := c.Launch(s.pulling(ctx), id, config, options)
	if err != nil {
		return errors.Join(err, cid.drop())
	}
	if err := cid.write(id); err != nil {
		complain(err)
	}
	times.print(os.Stderr)
	if o.detach {
		fmt.Println(id)
		return warn(ctx, c, id)
	}
	return s.follow(ctx, stream)
}

// warn says on stderr what a launch left undone.
func warn(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
	status, err := c.Status(ctx, id)
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // it removed itself
	}
	if err != nil {
		return err
	}
	for _, w := range status.Warnings {
		fmt.Fprintln(stderr, "mctr: warning:", inFlags(w))
	}
	return nil
}

// dryRun prints what a launch would hand the engine.
func (a *app) dryRun(ctx context.Context, config *mctr.ContainerConfig) error {
	c, err := a.apiForChange(ctx)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	spec, err := c.DryRun(ctx, config)
	if err != nil {
		return err
	}
	return printJSON(os.Stdout, spec)
}

// A cidFile is the file that --cidfile names. It is made before the launch, so
// that two launches never share one, and is gone after one that failed.
type cidFile struct{ path string }

func reserveCIDFile(path string) (cidFile, error) {
	if path == "" {
		return cidFile{}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return cidFile{}, fmt.Errorf("%w: --cidfile %s exists: another container's, or left from one (remove it)",
			mctr.ErrExists, path)
	}
	if err != nil {
		return cidFile{}, fmt.Errorf("--cidfile: %w", err)
	}
	return cidFile{filepath.Clean(path)}, f.Close()
}

func (c cidFile) write(id mctr.ContainerID) error {
	if c.path == "" {
		return nil
	}
	return os.WriteFile(c.path, []byte(id), 0o644)
}

func (c cidFile) drop() error {
	if c.path == "" {
		return nil
	}
	return os.Remove(c.path)
}
