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
	Name   string          `json:"name"`
	Type   string          `json:"type,omitempty"` // VALUE (default)
	Value  string          `json:"value,omitempty"`
	Secret json.RawMessage `json:"secret,omitempty"`
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

func (c *CommandInfo) env() ([]string, error) {
	if c.Environment == nil {
		return nil, nil
	}
	var env []string
	for _, v := range c.Environment.Variables {
		switch {
		case v.Type == "SECRET" || v.Secret != nil:
			return nil, refused("command.environment: variables of type SECRET", "this agent cannot resolve secrets")
		case v.Type != "" && v.Type != "VALUE":
			return nil, fmt.Errorf("%w: command.environment: type %q of variable %q", mctr.ErrInvalid, v.Type, v.Name)
		case v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00"):
			return nil, fmt.Errorf("%w: command.environment: variable %q", mctr.ErrInvalid, v.Name)
		}
		env = append(env, v.Name+"="+v.Value)
	}
	return env, nil
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
	p.Env, err = c.env()
	return err
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
