//go:build cgo && seccomp

package bpfcache

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/configs"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// Open returns the memfd that an init with this profile is to inherit, as the last
// of libcontainer's ExtraFiles; the caller closes it when init has been started. It
// is nil without a profile or a directory, and where the profile does not compile:
// init compiles it then, and reports why it cannot.
func Open(dir string, profile *configs.Seccomp) (*os.File, error) {
	if dir == "" || profile == nil {
		return nil, nil
	}
	text, err := json.Marshal(profile)
	if err != nil {
		return nil, fmt.Errorf("encode seccomp profile: %w", err)
	}
	name, err := key(text)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	program, err := load(path)
	if err != nil { // missing or damaged
		if program, err = compileOutside(text); err != nil {
			return nil, nil
		}
		_ = store(path, program) // a cache that cannot be written costs time only
	}
	return sealedMemfd(program)
}

// key names all that the program depends on: libseccomp asks the kernel for
// the actions and flags it has.
func key(profile []byte) (string, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return "", fmt.Errorf("uname: %w", err)
	}
	major, minor, micro := libseccomp.GetLibraryVersion()
	h := sha256.New()
	fmt.Fprintf(h, "%d.%d.%d %s %s ", major, minor, micro, uts.Release[:], uts.Machine[:])
	h.Write(profile)
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
