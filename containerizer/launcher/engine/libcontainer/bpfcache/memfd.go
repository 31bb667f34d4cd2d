package bpfcache

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// magic is the beginning of the memfd, by which init recognizes it. The program follows.
const magic = "mctr seccomp program\n"

// sealed are the seals that keep every process from changing the program in a memfd.
const sealed = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// sealedMemfd returns a sealed memfd that holds program.
func sealedMemfd(program []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("mctr-seccomp", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "mctr-seccomp")
	_, err = f.Write(append([]byte(magic), program...))
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, sealed)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("fill memfd: %w", err)
	}
	return f, nil
}

// findMemfd returns the inherited memfd and its program, or -1 if there is none. It does not read
// /proc: for an exec, that is the container's.
func findMemfd() (fd int, program []byte) {
	for fd := 3; ; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return -1, nil
		}
		if seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil || seals != sealed {
			continue // not a memfd, or one of the caller's
		}
		if program, err := readMemfd(fd); err == nil {
			return fd, program
		}
	}
}

// readMemfd returns the program after the magic. It fails for any other file.
func readMemfd(fd int) ([]byte, error) {
	data, err := io.ReadAll(io.NewSectionReader(descriptor(fd), 0, maxProgram+int64(len(magic))))
	if err != nil {
		return nil, err
	}
	program, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok || len(program) == 0 {
		return nil, os.ErrInvalid
	}
	return program, nil
}

// A descriptor reads a file without owning it; an os.File would close it.
type descriptor int

func (d descriptor) ReadAt(p []byte, off int64) (int, error) {
	n, err := unix.Pread(int(d), p, off)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}
