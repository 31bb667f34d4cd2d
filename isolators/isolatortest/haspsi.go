package isolatortest

import (
	"os"
	"path/filepath"

	"github.com/mctr/mctr/internal/cgroup"
)

// HasPressure reports whether this kernel tells of the group how long processes
// waited for controller: on v2 unless it was started with psi=0.
func HasPressure(group, controller string) bool {
	if !cgroup.Unified() {
		return false
	}
	_, err := os.ReadFile(filepath.Join(cgroup.Dir(controller, group), controller+".pressure"))
	return err == nil
}
