package main

import (
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr/containerizer"
)

// ociCommand hands over to mctr-shim, which has the engine.
func (a *app) ociCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "oci COMMAND [ARG...]",
		Short: "Be an OCI runtime: runc's command line",
		Long: `Be an OCI runtime, with the verbs, flags, exit codes and outputs of runc. The link
mctr-oci to mctr-shim is the same as a program of one name, which is what podman
and containerd ask for. Containers that are made so are the caller's: mctr's own
commands do not know them.`,
		Example:            "  mctr oci run --bundle ./web web\n  podman --runtime $PWD/bin/mctr-oci run --rm alpine true",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			args, err := a.behindOCI()
			if errors.Is(err, pflag.ErrHelp) {
				return cmd.Help()
			}
			if err != nil {
				return err
			}
			shim, err := containerizer.FindProgram("mctr-shim")
			if err != nil {
				return err
			}
			return syscall.Exec(shim, append([]string{"mctr-shim", "oci"}, args...), os.Environ())
		},
	}
}

// behindOCI are the arguments behind the word "oci". Cobra hands on mctr's own
// flags before it as well, which mean something else to an OCI runtime.
func (a *app) behindOCI() ([]string, error) {
	own := pflag.NewFlagSet("mctr", pflag.ContinueOnError)
	own.SetInterspersed(false)
	own.Usage = func() {}
	a.globalFlags(own)
	if err := own.Parse(a.args); err != nil {
		return nil, err
	}
	if own.Changed("agent") {
		return nil, a.onlyHere("mctr oci")
	}
	return own.Args()[1:], a.takeGlobals()
}
