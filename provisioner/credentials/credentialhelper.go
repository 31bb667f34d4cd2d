package credentials

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/client"
	protocol "github.com/docker/docker-credential-helpers/credentials"

	"github.com/mctr/mctr"
)

// tokenUser is the user name that marks an identity token in the protocol.
const tokenUser = "<token>"

// A Helper is a program that stores credentials: docker-credential-Name, in PATH.
type Helper struct {
	Name     string
	Deadline time.Duration // of each call; 0 is a minute, since a helper may ask its user
}

// Get returns the helper's credentials for a registry, and none if it has none.
func (h Helper) Get(ctx context.Context, server string) (Credentials, error) {
	c := &call{ctx: ctx, helper: h}
	found, err := client.Get(c.program, server)
	if protocol.IsErrCredentialsNotFound(err) {
		return Credentials{}, nil
	}
	if err != nil {
		return Credentials{}, c.failed("get", server, err)
	}
	if found.Username == tokenUser {
		return Credentials{IdentityToken: found.Secret}, nil
	}
	return Credentials{Username: found.Username, Password: found.Secret}, nil
}

// Store lets the helper store a registry's credentials.
func (h Helper) Store(ctx context.Context, server string, creds Credentials) error {
	p := &protocol.Credentials{ServerURL: server, Username: creds.Username, Secret: creds.Password}
	if creds.IdentityToken != "" {
		p.Username, p.Secret = tokenUser, creds.IdentityToken
	}
	c := &call{ctx: ctx, helper: h, secret: p.Secret}
	if err := client.Store(c.program, p); err != nil {
		return c.failed("store", server, err)
	}
	return nil
}

// Erase lets the helper delete a registry's credentials. It succeeds if the helper had none.
func (h Helper) Erase(ctx context.Context, server string) error {
	c := &call{ctx: ctx, helper: h}
	err := client.Erase(c.program, server)
	if err != nil && !protocol.IsErrCredentialsNotFoundMessage(c.answer) {
		return c.failed("erase", server, err)
	}
	return nil
}

// A call is one run of a helper; it implements client.Program.
type call struct {
	ctx    context.Context
	helper Helper
	secret string // is removed from the helper's error messages
	args   []string
	input  io.Reader
	answer string // the protocol's error message, if the helper failed
	err    error  // the error with its sentinel, which the client drops
}

func (c *call) program(args ...string) client.Program {
	c.args = args
	return c
}

// failed adds the helper's name and the setting that named it.
func (c *call) failed(op, server string, err error) error {
	if c.err != nil {
		err = c.err
	}
	return fmt.Errorf("credential helper docker-credential-%s: %s %s: %w (the configuration file names it in "+
		"credsStore or credHelpers)", c.helper.Name, op, server, err)
}

// Input sets the stdin of the helper.
func (c *call) Input(in io.Reader) { c.input = in }

// maxAnswer limits the output of a helper.
const maxAnswer = 1 << 20

// Output runs the helper. The output of a helper that fails may be a secret, so only the protocol's
// own error messages are passed on.
func (c *call) Output() (answer []byte, err error) {
	defer func() { c.answer, c.err = string(answer), err }()
	if c.helper.Name == "" || strings.ContainsAny(c.helper.Name, "/\x00") {
		return nil, fmt.Errorf("%w: %q is not a valid name of a helper", mctr.ErrInvalid, c.helper.Name)
	}
	ctx, cancel := context.WithTimeout(c.ctx, cmp.Or(c.helper.Deadline, time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker-credential-"+c.helper.Name, c.args...)
	cmd.WaitDelay = time.Second // for children of the helper that keep its pipes open
	cmd.Stdin = c.input
	stdout, stderr := &bounded{max: maxAnswer, full: cancel}, &bounded{max: 4 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	switch {
	case c.ctx.Err() != nil:
		return nil, context.Cause(c.ctx)
	case stdout.dropped:
		return nil, fmt.Errorf("%w: its answer has more than %d bytes", mctr.ErrInvalid, maxAnswer)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: it did not answer in time", mctr.ErrUnavailable)
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	case err != nil:
		return knownError(stdout.taken.Bytes()), c.explained(err, stderr.taken.String())
	}
	return stdout.taken.Bytes(), nil
}

// knownError returns the answer of a helper that failed, if it is an error message of the protocol.
func knownError(answer []byte) []byte {
	text := strings.TrimSpace(string(answer))
	if protocol.IsErrCredentialsNotFoundMessage(text) || protocol.IsCredentialsMissingServerURLMessage(text) ||
		protocol.IsCredentialsMissingUsernameMessage(text) {
		return []byte(text)
	}
	return nil
}

// explained adds the helper's stderr, without the secret that the helper was given.
func (c *call) explained(err error, stderr string) error {
	if c.secret != "" {
		stderr = strings.ReplaceAll(stderr, c.secret, "***")
	}
	if stderr = strings.TrimSpace(stderr); stderr == "" {
		return err
	}
	return fmt.Errorf("%w: %.500q", err, stderr)
}

// A bounded is a writer that keeps the first max bytes and drops the rest. Its buffer is not
// embedded because io.Copy would use the buffer's ReadFrom, which has no limit.
type bounded struct {
	taken   bytes.Buffer
	max     int
	full    func() // may be nil
	dropped bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := min(len(p), b.max-b.taken.Len())
	if room < len(p) && !b.dropped {
		if b.dropped = true; b.full != nil {
			b.full()
		}
	}
	b.taken.Write(p[:room])
	return len(p), nil
}
