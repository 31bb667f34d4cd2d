package overlay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/ownthread"
	"github.com/mctr/mctr/provisioner/backend"
)

// WriteOn calls do with a directory where lowers are mounted; what do writes there ends up in
// upper, in overlayfs form. Scratch is an empty directory beside upper, on the same filesystem,
// which the caller removes. Only do sees the mount, which is in a mount namespace of its thread, so
// that a killed process leaves no mount behind. do must stay in its goroutine.
func WriteOn(lowers []backend.Lower, upper, scratch string, do func(merged string) error) error {
	s := stack{
		lowers: dirs(lowers), upper: upper,
		work: filepath.Join(scratch, "work"), target: filepath.Join(scratch, "merged"),
		// The content of a layer must not depend on the paths of its parents.
		options: map[string]string{"index": "off", "metacopy": "off", "redirect_dir": "off"},
	}
	if len(s.lowers) == 0 {
		s.lowers = []string{filepath.Join(scratch, "empty")}
	}
	for _, dir := range []string{s.work, s.target, filepath.Join(scratch, "empty")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	return ownthread.Run(unix.CLONE_NEWNS, func() error { return s.mounted(do) })
}

// mounted runs do with the stack mounted in this thread's mount namespace.
func (s stack) mounted(do func(string) error) (err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount / private", err)
	}
	if err := mount(s); err != nil {
		return fmt.Errorf("mount parents: %w", err)
	}
	defer func() { err = errors.Join(err, backend.Unmount(s.target)) }()
	return do(s.target)
}
