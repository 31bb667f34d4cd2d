//go:build cgo && seccomp

package bpfcache

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/configs"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// Open gives what an init with this profile is to inherit: nil without a profile
// or a directory.
func Open(dir string, profile *configs.Seccomp) (*Handover, error) {
	if dir == "" || profile == nil {
		return nil, nil
	}
	key, err := key(profile)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, key)
	program, err := load(path)
	if err != nil {
		program = nil // missing or damaged: init compiles
	}
	return offer(program, path)
}

// key names all that the program depends on: libseccomp asks the kernel for
// the actions and flags it has.
func key(profile *configs.Seccomp) (string, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return "", fmt.Errorf("uname: %w", err)
	}
	text, err := json.Marshal(profile)
	if err != nil {
		return "", fmt.Errorf("encode seccomp profile: %w", err)
	}
	major, minor, micro := libseccomp.GetLibraryVersion()
	h := sha256.New()
	fmt.Fprintf(h, "%d.%d.%d %s %s ", major, minor, micro, uts.Release[:], uts.Machine[:])
	h.Write(text)
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
