package libcontainer

import (
	"fmt"

	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
)

// Config gives config.json in libcontainer's form, and reads as the specification
// says what specconv reads otherwise. It finds relative paths in the working
// directory, so the caller must stand in the bundle.
func Config(o *specconv.CreateOpts) (*configs.Config, error) {
	config, err := specconv.CreateLibcontainerConfig(o)
	if err != nil {
		return nil, fmt.Errorf("convert config.json: %w", err)
	}
	unnumberPipes(config)
	return config, nil
}

// unnumberPipes takes their numbers from named pipes, which have none
// (config-linux.md, "Devices": major and minor are required unless the type is p).
// libcontainer would compare them with the new pipe's.
func unnumberPipes(config *configs.Config) {
	for _, d := range config.Devices {
		if d.Type == devices.FifoDevice {
			d.Major, d.Minor = 0, 0
		}
	}
}
