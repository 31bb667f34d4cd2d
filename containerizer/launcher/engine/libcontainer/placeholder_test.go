package libcontainer

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestPlaceholderProcess wants a process if /proc is mounted, in whatever spelling.
func TestPlaceholderProcess(t *testing.T) {
	for destination, ok := range map[string]bool{"/proc": true, "/proc/": true, "/proc/sys": false, "/dev": false} {
		p, err := placeholderProcess(&specs.Spec{Mounts: []specs.Mount{{Destination: destination}}})
		if ok != (err == nil) || ok && (p.Cwd == "" || len(p.Args) == 0) {
			t.Errorf("%s: %+v, %v", destination, p, err)
		}
	}
}
