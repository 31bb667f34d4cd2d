package api

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/mctr/mctr"
)

// A CommandInfo is the command of a container.
type CommandInfo struct {
	Environment *Environment `json:"environment,omitempty"`
	Shell       *bool        `json:"shell,omitempty"` // default true
	Value       string       `json:"value,omitempty"`
	Arguments   []string     `json:"arguments,omitempty"` // without a shell: all arguments, the command's name first
	User        string       `json:"user,omitempty"`

	URIs json.RawMessage `json:"uris,omitempty"`
}

// An Environment is a list of variables.
type Environment struct {
	Variables []Variable `json:"variables"`
}

// A Variable is one variable of an environment.
type Variable struct {
	Name   string  `json:"name"`
	Type   string  `json:"type,omitempty"` // VALUE (default), SECRET
	Value  string  `json:"value,omitempty"`
	Secret *Secret `json:"secret,omitempty"`
}

// args returns the command line. whole is true if it replaces the image's entrypoint; otherwise it
// has only the arguments of the entrypoint.
func (c *CommandInfo) args() (args []string, whole bool, err error) {
	if c.Shell == nil || *c.Shell {
		if c.Value == "" || len(c.Arguments) > 0 {
			return nil, false, fmt.Errorf("%w: command: with a shell, \"value\" is the command line and "+
				"\"arguments\" are not allowed (use \"shell\": false)", mctr.ErrInvalid)
		}
		return []string{"/bin/sh", "-c", c.Value}, true, nil
	}
	switch {
	case c.Value == "":
		return c.Arguments, false, nil
	case len(c.Arguments) == 0:
		return []string{c.Value}, true, nil
	case c.Arguments[0] != c.Value && c.Arguments[0] != path.Base(c.Value):
		return nil, false, refused("command.arguments",
			fmt.Sprintf("the first argument must be the name of the command, not %q", c.Arguments[0]))
	}
	return append([]string{c.Value}, c.Arguments[1:]...), true, nil
}

// env sets the variables of the process.
func (c *CommandInfo) env(p *mctr.Process) error {
	if c.Environment == nil {
		return nil
	}
	for _, v := range c.Environment.Variables {
		switch {
		case v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00"):
			return fmt.Errorf("%w: command.environment: variable %q", mctr.ErrInvalid, v.Name)
		case v.Type == "SECRET" && v.Value == "":
			source, value, err := v.Secret.resolve(fmt.Sprintf("command.environment: variable %q", v.Name))
			if err != nil {
				return err
			}
			p.SecretEnv = append(p.SecretEnv, mctr.SecretVariable{Name: v.Name, Source: source, Value: value})
		case v.Type != "" && v.Type != "VALUE" || v.Secret != nil:
			return fmt.Errorf("%w: command.environment: variable %q: want type VALUE with value, or SECRET with secret",
				mctr.ErrInvalid, v.Name)
		default:
			p.Env = append(p.Env, v.Name+"="+v.Value)
		}
	}
	return nil
}

// fill copies the command to the process of a config.
func (c *CommandInfo) fill(p *mctr.Process) (err error) {
	if given(c.URIs) {
		return refused("command.uris", "this agent has no fetcher")
	}
	var whole bool
	if p.Args, whole, err = c.args(); err != nil {
		return err
	}
	if whole {
		p.Entrypoint = &[]string{}
	}
	p.User = c.User
	return c.env(p)
}

// refused returns the error for a feature of Mesos that mctr does not support.
func refused(feature, why string) error {
	return &mctr.UnsupportedError{Feature: feature, Why: why}
}

// given reports whether a field has a value other than null, [] and {}.
func given(raw json.RawMessage) bool {
	switch strings.TrimSpace(string(raw)) {
	case "", "null", "[]", "{}":
		return false
	}
	return true
}
