package provisioner_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// TestMain runs everything under a hard umask, which must not show in any tree,
// and fails if mounts are left.
func TestMain(m *testing.M) {
	if child := os.Getenv("MCTR_TEST_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	syscall.Umask(0o077)
	before := mounts()
	code := m.Run()
	for target := range mounts() {
		if !before[target] {
			fmt.Fprintln(os.Stderr, "mount left behind:", target)
			code = 1
		}
	}
	os.Exit(code)
}

func mounts() map[string]bool {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		panic(err)
	}
	targets := map[string]bool{}
	for _, m := range all {
		targets[m.Mountpoint] = true
	}
	return targets
}
