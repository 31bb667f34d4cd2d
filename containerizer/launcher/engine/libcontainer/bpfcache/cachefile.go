package bpfcache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"

	"github.com/mctr/mctr/internal/atomicfile"
)

// maxProgram is the size of the largest program that the kernel accepts, in bytes: 4096
// instructions of 8 (BPF_MAXINSNS, linux/bpf_common.h).
const maxProgram = 4096 * 8

var errDamaged = errors.New("damaged")

// maxFiles bounds the number of files, because users may have any number of profiles.
const maxFiles = 64

// store writes a program with its checksum. It does not call fsync: a file that a power loss
// damaged fails the checksum, and the profile is compiled again.
func store(path string, program []byte) error {
	dir := filepath.Dir(path)
	if files, err := os.ReadDir(dir); err == nil && len(files) >= maxFiles {
		_ = os.RemoveAll(dir) // profiles still in use are compiled once more
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	sum := sha256.Sum256(program)
	return atomicfile.Write(path, append(sum[:], program...), 0o600)
}

// load returns a program that store wrote. It returns errDamaged if the checksum does not match.
func load(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) <= sha256.Size || len(data) > sha256.Size+maxProgram {
		return nil, errDamaged
	}
	sum := sha256.Sum256(data[sha256.Size:])
	if !bytes.Equal(sum[:], data[:sha256.Size]) {
		return nil, errDamaged
	}
	return data[sha256.Size:], nil
}
