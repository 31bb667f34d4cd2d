package spec

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/isolators"
)

// Overrides are the differences between the process of an exec and the container's own process.
type Overrides struct {
	Args, Env   []string       // Env: NAME=VALUE, added
	WorkingDir  string         // "": as the container's
	User        *saferoot.User // nil: as the container's
	Terminal    bool
	ConsoleSize *specs.Box
}

// Exec returns the process of an exec, based on that of the launch. given is the environment that the
// image and the user gave the container: variables that follow from the user and the terminal do not
// replace it.
func Exec(p *specs.Process, given []string, o Overrides) *specs.Process {
	p.Args, p.Terminal, p.ConsoleSize = o.Args, o.Terminal, o.ConsoleSize
	if o.WorkingDir != "" {
		p.Cwd = o.WorkingDir
	}
	home := valueOf(p.Env, "HOME")
	if o.User != nil {
		home = o.User.Home
		setUser(p, o.User)
	}
	p.Env = isolators.WithDefaults(override(isolators.WithoutDefaults(p.Env, given), o.Env), home, o.Terminal)
	return p
}

func valueOf(env []string, name string) string {
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// setUser sets the user of the process. As at a launch, a user other than root keeps no effective
// capabilities (capabilities(7)).
func setUser(p *specs.Process, u *saferoot.User) {
	p.User = u.Spec()
	if caps := p.Capabilities; caps != nil && u.UID != 0 {
		caps.Effective, caps.Permitted, caps.Ambient = nil, nil, nil
	} else if caps != nil {
		caps.Effective, caps.Permitted = caps.Bounding, caps.Bounding
	}
}
