package isolators

import (
	"os"

	"github.com/mctr/mctr"
)

// Hostname is what a container is called: by its config, as its parent whose name it
// shares, as the host with whose network or name it runs, or by its short id.
func Hostname(c *mctr.Container) (string, error) {
	if c.Config.Hostname != "" {
		return c.Config.Hostname, nil
	}
	if Shares(c, c.Config.Namespaces.UTS, true) {
		return parentName(c.Parent), nil
	}
	if c.Config.Network == "host" || c.Config.Namespaces.UTS == "host" {
		return os.Hostname()
	}
	return c.ID.Short(), nil
}

// parentName is the hostname of a root container that was given none, or its own.
func parentName(p *mctr.Parent) string {
	if p.Config.Hostname != "" {
		return p.Config.Hostname
	}
	return p.ID.Root().Short()
}
