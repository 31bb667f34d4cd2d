package container

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
)

func createCommand(h *hostapi.Host) *cobra.Command {
	l := &flags.Launch{}
	cmd := &cobra.Command{
		Use:   "create [flags] IMAGE [COMMAND [ARG...]]",
		Short: "Record a container without running it",
		Long: "Record a container and print its id. The command start runs it; until then, it\n" +
			"survives a reboot. The flags are those of run.",
		Example:           "  id=$(mctr create -m 64m debian sleep 60) && mctr start $id",
		ValidArgsFunction: h.CompleteFirstImage,
		RunE:              func(cmd *cobra.Command, args []string) error { return exit.OfRun(create(h, cmd, l, args)) },
	}
	PrepareLaunchFlags(h, cmd, l)
	return cmd
}

func create(h *hostapi.Host, cmd *cobra.Command, l *flags.Launch, args []string) error {
	image, command, err := l.ImageAndCommand(args)
	if err != nil {
		return err
	}
	config, err := l.Config(cmd.Flags(), image, command)
	if err != nil {
		return err
	}
	if err := ChooseNetwork(cmd.Context(), h, config); err != nil {
		return err
	}
	c, err := h.APIForChange(cmd.Context())
	if err != nil {
		return err
	}
	cid, err := reserveCIDFile(l.CIDFile)
	if err != nil {
		return err
	}
	ctx, stop := session.Interruptible(cmd.Context())
	defer stop()
	id := mctr.NewID()
	if err := c.Create(ctx, id, config, format.Progress(os.Stderr)); err != nil {
		_ = cid.drop()
		return err
	}
	fmt.Println(id)
	return cid.write(id)
}
