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

// tokenUser is the user name by which the protocol marks an identity token.
const tokenUser = "<token>"

// A Helper is a program that keeps secrets: docker-credential-Name, in PATH.
type Helper struct {
	Name     string
	Deadline time.Duration // of each call; 0 is a minute, since one may ask its user
}

// Get returns what the helper has for a registry; nothing where it has none.
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

// Store gives the helper a registry's credentials to keep.
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

// Erase makes the helper forget a registry. It is no error if it knew nothing.
func (h Helper) Erase(ctx context.Context, server string) error {
	c := &call{ctx: ctx, helper: h}
	err := client.Erase(c.program, server)
	if err != nil && !protocol.IsErrCredentialsNotFoundMessage(c.answer) {
		return c.failed("erase", server, err)
	}
	return nil
}

// A call is one run of a helper, as the protocol's client runs it.
type call struct {
	ctx    context.Context
	helper Helper
	secret string // taken out of what the helper says
	args   []string
	input  io.Reader
	answer string // of the protocol's, when it failed
	err    error  // with its sentinel, which the client drops
}

func (c *call) program(args ...string) client.Program {
	c.args = args
	return c
}

// failed says which helper it was, and who named it.
func (c *call) failed(op, server string, err error) error {
	if c.err != nil {
		err = c.err
	}
	return fmt.Errorf("credential helper docker-credential-%s: %s %s: %w (the configuration file names it in "+
		"credsStore or credHelpers)", c.helper.Name, op, server, err)
}

// Input is what the helper reads from stdin.
func (c *call) Input(in io.Reader) { c.input = in }

// maxAnswer bounds what a helper may say.
const maxAnswer = 1 << 20

// Output runs the helper. What it prints when it fails may be a secret, so that
// only the protocol's own words are passed on.
func (c *call) Output() (answer []byte, err error) {
	defer func() { c.answer, c.err = string(answer), err }()
	if c.helper.Name == "" || strings.ContainsAny(c.helper.Name, "/\x00") {
		return nil, fmt.Errorf("%w: %q is not a name of a helper", mctr.ErrInvalid, c.helper.Name)
	}
	ctx, cancel := context.WithTimeout(c.ctx, cmp.Or(c.helper.Deadline, time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker-credential-"+c.helper.Name, c.args...)
	cmd.WaitDelay = time.Second // for what it started and left with its pipes
	cmd.Stdin = c.input
	stdout, stderr := &bounded{max: maxAnswer, full: cancel}, &bounded{max: 4 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	switch {
	case c.ctx.Err() != nil:
		return nil, context.Cause(c.ctx)
	case stdout.dropped:
		return nil, fmt.Errorf("%w: it answers more than %d bytes", mctr.ErrInvalid, maxAnswer)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: it did not answer in time", mctr.ErrUnavailable)
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	case err != nil:
		return knownError(stdout.taken.Bytes()), c.explained(err, stderr.taken.String())
	}
	return stdout.taken.Bytes(), nil
}

// knownError is the answer of a helper that failed, if it is one of the protocol's.
func knownError(answer []byte) []byte {
	text := strings.TrimSpace(string(answer))
	if protocol.IsErrCredentialsNotFoundMessage(text) || protocol.IsCredentialsMissingServerURLMessage(text) ||
		protocol.IsCredentialsMissingUsernameMessage(text) {
		return []byte(text)
	}
	return nil
}

// explained adds what the helper said on stderr, without the secret it was given.
func (c *call) explained(err error, said string) error {
	if c.secret != "" {
		said = strings.ReplaceAll(said, c.secret, "***")
	}
	if said = strings.TrimSpace(said); said == "" {
		return err
	}
	return fmt.Errorf("%w: %.500q", err, said)
}

// A bounded buffer takes so much, drops the rest, and tells. Its buffer is hidden:
// that has ways of being filled which know no bound.
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
