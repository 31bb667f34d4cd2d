package containerizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/proc"
)

// A run is ROOT's run.json: a launch that came so far that the command may run. It is
// written before the command starts, and goes when the container is released. STATE may be
// lost meanwhile; by this record the container is not taken for a launch that was cut
// off. It says nothing after a reboot, so it is not synced.
type run struct {
	Started       time.Time `json:"started"`
	Boot          string    `json:"boot"`
	ShimPid       int       `json:"shimPid"`
	ShimStartTime uint64    `json:"shimStartTime"` // /proc/[pid]/stat field 22
	Isolators     []string  `json:"isolators"`     // that prepared the container
}

// recordRun writes that the command is about to run under the shim that made created.
func (c *Containerizer) recordRun(id mctr.ContainerID, shim int) error {
	began, err := proc.StartTime(shim)
	if err != nil {
		return fmt.Errorf("read the start time of the shim: %w", err)
	}
	boot, err := bootID()
	if err != nil {
		return err
	}
	r := run{Started: time.Now().UTC(), Boot: string(boot), ShimPid: shim, ShimStartTime: began}
	for _, i := range c.isolators {
		r.Isolators = append(r.Isolators, i.Name())
	}
	return atomicfile.WriteJSON(c.paths.run(id), r)
}

// run reads the record; nil where there is none.
func (c *Containerizer) run(id mctr.ContainerID) (*run, error) {
	r := &run{}
	err := atomicfile.ReadJSON(c.paths.run(id), r)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return r, err
}

// endRun removes the record of a container that is released.
func (c *Containerizer) endRun(id mctr.ContainerID) error {
	return remove(c.paths.run(id))
}

// supervised says whether the shim of the run is still there.
func (r *run) supervised() bool {
	boot, err := bootID()
	return err == nil && string(boot) == r.Boot && proc.Is(r.ShimPid, r.ShimStartTime)
}

// is says whether both are of one shim, or there is neither.
func (r *run) is(other *run) bool {
	if r == nil || other == nil {
		return r == other
	}
	return r.Boot == other.Boot && r.ShimPid == other.ShimPid && r.ShimStartTime == other.ShimStartTime
}

// bootID is the kernel's random id of this boot (random(4)).
func bootID() ([]byte, error) { return os.ReadFile("/proc/sys/kernel/random/boot_id") }
