package libcontainer

import (
	"fmt"

	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
)

// convertConfig returns config.json in libcontainer's form, and reads as the specification says what specconv reads
// otherwise. It finds relative paths in the working directory, which is the bundle.
func convertConfig(o *specconv.CreateOpts) (*configs.Config, error) {
	config, err := specconv.CreateLibcontainerConfig(o)
	if err != nil {
		return nil, fmt.Errorf("convert config.json: %w", err)
	}
	own := len(config.Devices) // libcontainer's own, which the spec's stand behind
	if o.Spec.Linux != nil {
		own -= len(o.Spec.Linux.Devices)
	}
	wanted := config.Devices[own:]
	for _, d := range wanted {
		// A named pipe needs no numbers (config-linux.md, "Devices"), which libcontainer would
		// compare with the new pipe's.
		if d.Type == devices.FifoDevice {
			d.Major, d.Minor = 0, 0
		}
	}
	return config, checkDevices(config, wanted)
}
