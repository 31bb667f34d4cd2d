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

// Open returns the memfd that an init with this profile inherits as the last of libcontainer's
// ExtraFiles. The caller closes it once init is started. Open returns nil if there is no profile or
// no directory, or if the profile does not compile: then init compiles it and reports the error.
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
		_ = store(path, program) // an unwritable cache only costs time
	}
	return sealedMemfd(program)
}

// key hashes everything that the program depends on. That includes the kernel, because libseccomp
// asks it for the supported actions and flags.
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
