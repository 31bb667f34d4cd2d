package provisioner_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// TestMain runs everything under a hard umask, which must not show in any tree,
// and in a directory of its own, beneath which no mount may be left.
func TestMain(m *testing.M) {
	if child := os.Getenv("MCTR_TEST_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	syscall.Umask(0o077)
	dir, err := os.MkdirTemp("", "mctr-images-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, target := range mounts(dir) {
		fmt.Fprintln(os.Stderr, "mount left behind:", target)
		code = 1
	}
	_ = os.Remove(dir) // fails on what a test left, for all to see
	os.Exit(code)
}

// mounts lists what is mounted beneath dir.
func mounts(dir string) (targets []string) {
	all, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		panic(err)
	}
	for _, m := range all {
		targets = append(targets, m.Mountpoint)
	}
	return targets
}
