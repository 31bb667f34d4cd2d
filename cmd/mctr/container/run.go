package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
)

// runOptions has the values of the flags of run.
type runOptions struct {
	session.Options
	launch  flags.Launch
	dryRun  bool
	timings bool
	group   string
}

func runCommand(h *hostapi.Host) *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run [flags] IMAGE [COMMAND [ARG...]]",
		Short: "Run a command in a new container",
		Long: `Run a command in a new container.

IMAGE is an image of a registry (debian, quay.io/org/app:tag,
host:5000/app@sha256:...), oci:DIR[:TAG], oci-archive:FILE[:TAG],
docker-archive:FILE[:REF], rootfs:DIR, or the id of an image in the store. With
--no-image, COMMAND runs on the filesystem of the host, with a sandbox.

The exit code is that of the command; 128+n if signal n killed it; 125 if mctr
failed, 126 if the command cannot be invoked, 127 if it is not found.`,
		Example: `  mctr run --rm -it debian bash
  mctr run -d --name web -m 64m --cpus 0.5 --pids-limit 100 oci:./web
  mctr run --rm --no-image -v /data:/data:ro make -C /data
  mctr run -d -p 8080:80 --name web nginx
  mctr run --network blue:ip=10.9.0.7 --network storage debian ip address
  mctr run --group pod.json --rm
  mctr run --dry-run busybox true        # print the OCI config.json`,
		ValidArgsFunction: h.CompleteFirstImage,
		RunE:              func(cmd *cobra.Command, args []string) error { return exit.OfRun(run(h, cmd, o, args)) },
	}
	PrepareLaunchFlags(h, cmd, &o.launch)
	f := cmd.Flags()
	f.BoolVarP(&o.Detach, "detach", "d", false, "run the container in the background and print its id")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the OCI config.json and do not run the container")
	f.BoolVar(&o.timings, "timings", false, "print on stderr how long each step of the launch took")
	f.BoolVar(&o.SigProxy, "sig-proxy", true, "pass signals on to the container")
	f.StringVar(&o.DetachKeys, "detach-keys", session.DefaultDetachKeys,
		"keys that detach from the container without stopping it (\"\": none)")
	f.StringVar(&o.group, "group", "",
		"run the tasks in `FILE` (JSON; -: stdin) as a group: when one fails, all stop; see docs/groups.md")
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "do not print the progress of the pull")
	return cmd
}

// PrepareLaunchFlags registers the flags that run and create have in common. As in docker, flags end at
// the image, and -h is the hostname.
func PrepareLaunchFlags(h *hostapi.Host, cmd *cobra.Command, l *flags.Launch) {
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().Bool("help", false, "help for "+cmd.Name())
	l.Register(cmd.Flags())
	cmd.SetFlagErrorFunc(exit.OfFlag)
	_ = cmd.RegisterFlagCompletionFunc("pull", flags.Words("always", "missing", "never", "newer"))
	_ = cmd.RegisterFlagCompletionFunc("restart", flags.Words("no", "on-failure", "always", "unless-stopped"))
	_ = cmd.RegisterFlagCompletionFunc("network", h.CompleteNetworks)
	_ = cmd.RegisterFlagCompletionFunc("secret", cobra.FixedCompletions([]string{"file:", "env:", "-"},
		cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	_ = cmd.RegisterFlagCompletionFunc("log-driver", flags.Words("cri", "json-file", "raw", "none"))
}

func run(h *hostapi.Host, cmd *cobra.Command, o *runOptions, args []string) error {
	if o.group != "" {
		return runGroup(cmd.Context(), h, o, args)
	}
	image, command, err := o.launch.ImageAndCommand(args)
	if err != nil {
		return err
	}
	config, err := o.launch.Config(cmd.Flags(), image, command)
	if err != nil {
		return err
	}
	if err := ChooseNetwork(cmd.Context(), h, config); err != nil {
		return err
	}
	if o.launch.TTY && !o.Detach && o.launch.Stdin && !format.IsTerminal(os.Stdin) {
		return fmt.Errorf("%w: the input device is not a TTY", mctr.ErrInvalid)
	}
	if _, err := session.ParseDetachKeys(o.DetachKeys); err != nil {
		return err
	}
	if o.dryRun {
		return dryRun(cmd.Context(), h, config)
	}
	c, err := h.APIForChange(cmd.Context())
	if err != nil {
		return err
	}
	return launch(cmd.Context(), c, o, config)
}

func launch(ctx context.Context, c agent.Containers, o *runOptions, config *mctr.ContainerConfig) error {
	id := mctr.NewID()
	cid, err := reserveCIDFile(o.launch.CIDFile)
	if err != nil {
		return err
	}
	o.TTY = o.launch.TTY
	s := session.New(c, id, &o.Options, config)
	defer s.Restore()
	options := s.LaunchOptions()
	var steps []mctr.Step
	if o.timings {
		options.Step = func(s mctr.Step) { steps = append(steps, s) }
	}
	stream, err := c.Launch(s.Pulling(ctx), id, config, options)
	if err != nil {
		return errors.Join(err, cid.drop())
	}
	if err := cid.write(id); err != nil {
		format.Complain(err)
	}
	printTimings(os.Stderr, steps)
	if o.Detach {
		fmt.Println(id)
		return warn(ctx, c, id)
	}
	return s.Follow(ctx, stream)
}

// printTimings prints the duration of each step of a launch, for --timings.
func printTimings(w io.Writer, steps []mctr.Step) {
	if len(steps) == 0 {
		return
	}
	const format = "%9.3f ms  %s\n"
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	for _, s := range steps {
		fmt.Fprintf(w, format, milliseconds(s.Took()), s.Name)
	}
	last := steps[len(steps)-1]
	fmt.Fprintf(w, format, milliseconds(last.Ended.Sub(steps[0].Began)), "in all, to "+last.Name)
}

// warn prints the warnings of a container on stderr.
func warn(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
	status, err := c.Status(ctx, id)
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // the container was removed automatically
	}
	if err != nil {
		return err
	}
	for _, w := range status.Warnings {
		fmt.Fprintln(format.Stderr, "mctr: warning:", flags.Translate(w))
	}
	return nil
}

// dryRun prints the OCI spec that a launch would give to the engine.
func dryRun(ctx context.Context, h *hostapi.Host, config *mctr.ContainerConfig) error {
	c, err := h.APIForChange(ctx)
	if err != nil {
		return err
	}
	ctx, stop := session.Interruptible(ctx)
	defer stop()
	spec, err := c.DryRun(ctx, config)
	if err != nil {
		return err
	}
	return format.JSON(os.Stdout, spec)
}
