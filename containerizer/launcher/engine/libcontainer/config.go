package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// convertConfig returns config.json in libcontainer's form, and reads as the specification says what specconv reads
// otherwise. It finds relative paths in the working directory, which is the bundle.
func convertConfig(o *specconv.CreateOpts) (*configs.Config, error) {
	config, err := specconv.CreateLibcontainerConfig(o)
	if err != nil {
		return nil, fmt.Errorf("convert config.json: %w", err)
	}
	wanted := config.Devices[len(config.Devices)-devicesIn(o.Spec):] // those before are libcontainer's own
	unnumberPipes(wanted)
	return config, checkDevices(config, wanted)
}

// devicesIn returns how many devices the spec names.
func devicesIn(s *specs.Spec) int {
	if s.Linux == nil {
		return 0
	}
	return len(s.Linux.Devices)
}
