package doctor

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// network checks the requirements of the default network.
func network(h Host) []Finding {
	var found []Finding
	for _, plugin := range defaultPlugins {
		path := ""
		err := fmt.Errorf("in none of %s", strings.Join(h.PluginDirs, ", "))
		for _, dir := range h.PluginDirs {
			if p := filepath.Join(dir, plugin); path == "" && isProgram(p) {
				path, err = p, nil
			}
		}
		found = append(found,
			answer("network", "CNI plugin "+plugin, err, path, Missing,
				"make build, or apt-get install containernetworking-plugins"))
	}
	path, err := exec.LookPath("iptables")
	return append(found,
		answer("network", "iptables", err, path, Missing, "apt-get install iptables (the plugins run it)"))
}
