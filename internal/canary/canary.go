// Package canary finds a value that a test has used as a secret, in places where no secret may be:
// files, the arguments and environments of processes, and texts. It creates nothing.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Value is the value of a secret, and no part of anything else.
type Value string

// In returns true if text has the value, or its form in base64 or hexadecimal.
func (v Value) In(text []byte) bool {
	for _, form := range []string{string(v), base64.StdEncoding.EncodeToString([]byte(v)),
		hex.EncodeToString([]byte(v))} {
		if bytes.Contains(text, []byte(form)) {
			return true
		}
	}
	return false
}

// InFiles returns the files below dirs that have the value, except those below the directory except.
func (v Value) InFiles(except string, dirs ...string) (found []string, err error) {
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // it was removed meanwhile
			case err != nil:
				return err
			case path == except:
				return fs.SkipDir
			case !e.Type().IsRegular():
				return nil
			}
			data, err := os.ReadFile(path)
			if v.In(data) || v.In([]byte(path)) {
				found = append(found, path)
			}
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINVAL) { // a namespace that is mounted there
				return nil
			}
			return err
		}))
	}
	return found, errors.Join(errs...)
}

// InProcesses returns the processes whose arguments have the value, or whose environment has it and
// which are in the mount namespace of this process, unlike the processes of containers.
func (v Value) InProcesses() (found []string, err error) {
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		in := filepath.Join("/proc", e.Name())
		arguments, _ := os.ReadFile(in + "/cmdline") // of a process that has exited, nothing can be read
		environment, _ := os.ReadFile(in + "/environ")
		namespace, _ := os.Readlink(in + "/ns/mnt")
		if v.In(arguments) || namespace == own && v.In(environment) {
			found = append(found, fmt.Sprintf("process %s: %q", e.Name(), arguments))
		}
	}
	return found, err
}
