package api

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A Launch describes a container to run: with the fields of Mesos or, under "mctr", with a config of
// mctr.
type Launch struct {
	ContainerID ContainerID       `json:"container_id"`
	Command     *CommandInfo      `json:"command,omitempty"`
	Container   *ContainerInfo    `json:"container,omitempty"`
	Resources   []Resource        `json:"resources,omitempty"`
	Limits      map[string]Scalar `json:"limits,omitempty"`

	Mctr *Extension `json:"mctr,omitempty"`
}

// An Extension describes a container with a config of mctr.
type Extension struct {
	Config *mctr.ContainerConfig `json:"config"`
	Stream
}

// A Stream selects the streams of the container that the connection of a launch or start carries
// after it is upgraded to Protocol. The zero value selects none, and the connection is not upgraded.
type Stream struct {
	Attach      *wire.Attach `json:"attach,omitempty"`
	ConsoleSize *wire.Size   `json:"console_size,omitempty"` // initial size of the terminal
}

// Config returns the config of the container.
func (l *Launch) Config() (*mctr.ContainerConfig, error) {
	if l.Mctr != nil {
		if l.Command != nil || l.Container != nil || l.Resources != nil || l.Limits != nil {
			return nil, fmt.Errorf("%w: no other field can be set beside \"mctr\", whose config has everything",
				mctr.ErrInvalid)
		}
		if l.Mctr.Config == nil {
			return nil, fmt.Errorf("%w: mctr.config is missing", mctr.ErrInvalid)
		}
		return l.Mctr.Config, nil
	}
	return l.config()
}

// config converts the fields of Mesos. As with Mesos, a container without networks uses the network
// of the host or, if it is nested, of its parent.
func (l *Launch) config() (*mctr.ContainerConfig, error) {
	nested := l.ContainerID.ID().Parent() != ""
	config := &mctr.ContainerConfig{}
	if !nested {
		config.Network = "host"
	}
	if l.Container != nil {
		if err := l.Container.fill(config, nested); err != nil {
			return nil, err
		}
	}
	if l.Command != nil {
		if err := l.Command.fill(&config.Process); err != nil {
			return nil, err
		}
	}
	if len(config.Process.Args) == 0 && config.Image == "" {
		return nil, fmt.Errorf("%w: neither a command nor an image that has one", mctr.ErrInvalid)
	}
	err := fillResources(&config.Resources, l.Resources, l.Limits)
	if config.Image != "" {
		config.Resources.Disk.Rootfs = config.Resources.Disk.Sandbox // as with Mesos, both count
	}
	return config, err
}

// FirstSize returns the initial size of the terminal, or nil if the message has none.
func (l *Launch) FirstSize() *wire.Size {
	if l.Mctr != nil {
		return l.Mctr.ConsoleSize
	}
	if l.Container == nil {
		return nil
	}
	return l.Container.TTYInfo.Size()
}

// Size returns the size of the terminal, or nil if none is given.
func (t *TTYInfo) Size() *wire.Size {
	if t == nil || t.WindowSize == nil {
		return nil
	}
	return &wire.Size{Width: t.WindowSize.Columns, Height: t.WindowSize.Rows}
}

// A LaunchNested runs a nested container, without resources of its own.
type LaunchNested struct {
	ContainerID ContainerID    `json:"container_id"`
	Command     *CommandInfo   `json:"command,omitempty"`
	Container   *ContainerInfo `json:"container,omitempty"`
}

// A Session runs another command in a container. The command lives as long as the connection.
type Session LaunchNested

// Exec returns the command of the session. Its environment and limits are those of the parent.
func (s *Session) Exec() (containerizer.Exec, error) {
	e := containerizer.Exec{Stdin: true}
	if s.ContainerID.ID().Parent() == "" {
		return e, fmt.Errorf("%w: container_id: a session must name a parent", mctr.ErrInvalid)
	}
	if c := s.Container; c != nil {
		if c.Type != "MESOS" || !reflect.DeepEqual(*c, ContainerInfo{Type: c.Type, TTYInfo: c.TTYInfo}) {
			return e, refused("container: more than type MESOS and tty_info",
				"a session takes everything else from its parent")
		}
		e.Terminal, e.ConsoleSize = c.TTYInfo != nil, c.TTYInfo.Size()
	}
	var process mctr.Process
	if s.Command != nil {
		if err := s.Command.fill(&process); err != nil {
			return e, err
		}
	}
	if len(process.Args) == 0 {
		return e, fmt.Errorf("%w: the session has no command", mctr.ErrInvalid)
	}
	e.Args, e.Env, e.User = process.Args, process.Env, process.User
	for _, v := range process.SecretEnv { // the environment of a session is recorded nowhere
		if v.Source != "" {
			return e, refused("command.environment: a REFERENCE", "only a launch reads files: want a VALUE")
		}
		if bytes.IndexByte(v.Value, 0) >= 0 {
			return e, fmt.Errorf("%w: command.environment: variable %q: the secret has a NUL", mctr.ErrInvalid, v.Name)
		}
		e.Env = append(e.Env, v.Name+"="+string(v.Value))
	}
	return e, nil
}
