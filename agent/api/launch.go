package api

import (
	"fmt"
	"reflect"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A Launch asks for a container: in Mesos' words or, under "mctr", in mctr's own.
type Launch struct {
	ContainerID ContainerID       `json:"container_id"`
	Command     *CommandInfo      `json:"command,omitempty"`
	Container   *ContainerInfo    `json:"container,omitempty"`
	Resources   []Resource        `json:"resources,omitempty"`
	Limits      map[string]Scalar `json:"limits,omitempty"`

	Mctr *Extension `json:"mctr,omitempty"`
}

// An Extension is a launch in mctr's words.
type Extension struct {
	Config *mctr.ContainerConfig `json:"config"`
	Stream
}

// A Stream says which of a container's streams the connection of a launch, start
// or attachment carries; it is upgraded to Protocol then. None is the zero value.
type Stream struct {
	Attach      *wire.Attach `json:"attach,omitempty"`
	ConsoleSize *wire.Size   `json:"console_size,omitempty"` // the terminal's first size
}

// Config is the container that is asked for.
func (l *Launch) Config() (*mctr.ContainerConfig, error) {
	if l.Mctr != nil {
		if l.Command != nil || l.Container != nil || l.Resources != nil || l.Limits != nil {
			return nil, fmt.Errorf("%w: \"mctr\" stands alone: its config says everything", mctr.ErrInvalid)
		}
		if l.Mctr.Config == nil {
			return nil, fmt.Errorf("%w: mctr.config is missing", mctr.ErrInvalid)
		}
		return l.Mctr.Config, nil
	}
	return l.config()
}

// config reads Mesos' words. As there, a container without a network of its own is
// in the host's, or its parent's.
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
	return config, fillResources(&config.Resources, l.Resources, l.Limits)
}

// FirstSize is the size that the terminal begins with; nil: any.
func (l *Launch) FirstSize() *wire.Size {
	if l.Mctr != nil {
		return l.Mctr.ConsoleSize
	}
	if l.Container == nil {
		return nil
	}
	return l.Container.TTYInfo.Size()
}

// Size is the terminal's, nil where none is given.
func (t *TTYInfo) Size() *wire.Size {
	if t == nil || t.WindowSize == nil {
		return nil
	}
	return &wire.Size{Width: t.WindowSize.Columns, Height: t.WindowSize.Rows}
}

// A LaunchNested is a launch without resources of its own.
type LaunchNested struct {
	ContainerID ContainerID    `json:"container_id"`
	Command     *CommandInfo   `json:"command,omitempty"`
	Container   *ContainerInfo `json:"container,omitempty"`
}

// A Session is a command beside a container's own, whose life is its connection's.
type Session LaunchNested

// Exec reads what the session runs; everything else is its parent's.
func (s *Session) Exec() (containerizer.Exec, error) {
	e := containerizer.Exec{Stdin: true}
	if s.ContainerID.ID().Parent() == "" {
		return e, fmt.Errorf("%w: container_id: a session has a parent", mctr.ErrInvalid)
	}
	if c := s.Container; c != nil {
		if c.Type != "MESOS" || !reflect.DeepEqual(*c, ContainerInfo{Type: c.Type, TTYInfo: c.TTYInfo}) {
			return e, refused("container: more than type MESOS and tty_info",
				"a session has everything else of its parent")
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
		return e, fmt.Errorf("%w: a session without a command", mctr.ErrInvalid)
	}
	e.Args, e.Env, e.User = process.Args, process.Env, process.User
	return e, nil
}
