package isolators

import (
	"cmp"
	"os"

	"github.com/mctr/mctr"
)

// Hostname returns the container's hostname: the one of its config, its parent's if the two share
// the namespace, the host's if it uses the host's network or name, otherwise its short id.
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
