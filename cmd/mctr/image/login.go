package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/containerd/console"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/provisioner/credentials"
	"github.com/mctr/mctr/provisioner/puller"
)

type loginFlags struct {
	username, password string
	fromStdin          bool
	given              bool // --password was given
}

func loginCommand(h *hostapi.Host) *cobra.Command {
	var o loginFlags
	cmd := &cobra.Command{
		Use:   "login [flags] [SERVER]",
		Short: "Log in to a registry",
		Long: `Check a user name and password with a registry, and store them for pulls: with the
credential helper that the configuration file names for the registry (credHelpers,
credsStore), or in the file itself. The file is $REGISTRY_AUTH_FILE, or config.json
in $DOCKER_CONFIG or ~/.docker. The default SERVER is docker.io.

On a terminal, the command asks for a missing user name and password. It first tries
stored credentials.`,
		Example: `  mctr login registry.test:5000
  pass registry | mctr login -u me --password-stdin registry.test:5000`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := requireLocalCredentials(h); err != nil {
				return err
			}
			o.given = cmd.Flags().Changed("password")
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			return login(ctx, h, strings.Join(args, ""), o)
		},
	}
	cmd.Flags().StringVarP(&o.username, "username", "u", "", "`NAME` to log in as")
	cmd.Flags().StringVarP(&o.password, "password", "p", "",
		"password; other users of this host can read it while mctr is running")
	cmd.Flags().BoolVar(&o.fromStdin, "password-stdin", false, "read the password from stdin")
	return cmd
}

// requireLocalCredentials fails with --agent, because an agent does not use credentials of this host.
func requireLocalCredentials(h *hostapi.Host) error {
	return h.RequireLocalBecause(h.Verb,
		"the agent uses the credentials of its own host: $REGISTRY_AUTH_FILE, or config.json in $DOCKER_CONFIG or "+
			"~/.docker, of the user that it runs as")
}

func login(ctx context.Context, h *hostapi.Host, server string, o loginFlags) error {
	switch {
	case o.given && o.fromStdin:
		return fmt.Errorf("%w: conflicting options: cannot specify both --password and --password-stdin",
			mctr.ErrInvalid)
	case o.fromStdin && o.username == "":
		return fmt.Errorf("%w: the --password-stdin option requires --username to be set", mctr.ErrInvalid)
	case o.given:
		fmt.Fprintln(os.Stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
	}
	host, err := puller.Server(cmp.Or(server, "docker.io"))
	if err != nil {
		return err
	}
	path, err := puller.AuthFile()
	if err != nil {
		return err
	}
	store, err := h.Images()
	if err != nil {
		return err
	}
	verify := func(c credentials.Credentials) error { return store.VerifyLogin(ctx, host, c) }
	if o == (loginFlags{}) {
		if have, err := puller.FileAuth(host, ""); err == nil && have != (credentials.Credentials{}) {
			fmt.Fprintln(os.Stderr, "Authenticating with existing credentials...")
			if verify(have) == nil {
				fmt.Println("Login Succeeded")
				return nil
			}
			fmt.Fprintln(os.Stderr, "The registry rejects them; please log in again.")
			o.username = have.Username
		}
	}
	c, err := o.complete(ctx)
	if err != nil {
		return err
	}
	if err := verify(c); err != nil {
		return err
	}
	return storeLogin(ctx, path, host, c)
}

func storeLogin(ctx context.Context, path, host string, c credentials.Credentials) error {
	plain, err := credentials.File{Path: path}.Login(ctx, puller.AuthKey(host), c)
	if err != nil {
		return err
	}
	if plain {
		fmt.Fprintf(os.Stderr,
			"WARNING! Your credentials are stored unencrypted in '%s'.\n"+
				"Configure a credential helper to remove this warning: credsStore in that file.\n", path)
	}
	fmt.Println("Login Succeeded")
	return nil
}

// complete returns the credentials, and asks the user for what is missing.
func (o loginFlags) complete(ctx context.Context) (c credentials.Credentials, err error) {
	c.Username, c.Password = o.username, o.password
	switch {
	case o.fromStdin:
		c.Password, err = passwordFrom(session.Stdin(ctx))
	case !o.given && !format.IsTerminal(os.Stdin):
		return c, fmt.Errorf("%w: cannot ask for a password without a terminal: use --username and --password-stdin",
			mctr.ErrInvalid)
	case !o.given || o.username == "":
		err = ask(ctx, &c, o)
	}
	if err == nil && (c.Username == "" || c.Password == "") {
		err = fmt.Errorf("%w: user name and password must not be empty", mctr.ErrInvalid)
	}
	return c, err
}

// maxPassword bounds the length of a password, in bytes. Tokens are long.
const maxPassword = 1 << 20

// passwordFrom reads all of stdin, and removes a line end.
func passwordFrom(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPassword+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxPassword {
		return "", fmt.Errorf("%w: the password is longer than %d bytes", mctr.ErrInvalid, maxPassword)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

// ask reads the user name and password from the terminal, the password without echo.
func ask(ctx context.Context, c *credentials.Credentials, o loginFlags) (err error) {
	if !format.IsTerminal(os.Stdin) {
		return fmt.Errorf("%w: cannot ask for a user name without a terminal: use --username", mctr.ErrInvalid)
	}
	if c.Username == "" {
		fmt.Fprint(os.Stderr, "Username: ")
		if c.Username, err = session.ReadLine(session.Stdin(ctx)); err != nil {
			return err
		}
	}
	if o.given {
		return nil
	}
	fmt.Fprint(os.Stderr, "Password: ")
	defer fmt.Fprintln(os.Stderr)
	terminal, err := console.ConsoleFromFile(os.Stdin)
	if err != nil {
		return err
	}
	if err := terminal.DisableEcho(); err != nil {
		return err
	}
	c.Password, err = session.ReadLine(session.Stdin(ctx))
	return errors.Join(err, terminal.Reset())
}
