package isolators

import (
	"cmp"
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
		return cmp.Or(c.Parent.Config.Hostname, c.Parent.ID.Root().Short()), nil
	}
	if c.Config.Network == "host" || c.Config.Namespaces.UTS == "host" {
		return os.Hostname()
	}
	return c.ID.Short(), nil
}
