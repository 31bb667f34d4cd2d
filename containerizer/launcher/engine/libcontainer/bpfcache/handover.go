package bpfcache

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// magic starts the memfd, which init knows it by. The program follows, or
// nothing when there is none yet.
const magic = "mctr seccomp program\n"

// sealed lets nobody change a program any more; it also says that it is whole.
const sealed = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// A Handover is what one init is given.
type Handover struct {
	// File is to be inherited by init: the last of libcontainer's ExtraFiles.
	File *os.File
	path string // where Keep stores; "": it came from there
}

// offer makes the memfd with program in it, which may be empty.
func offer(program []byte, path string) (*Handover, error) {
	fd, err := unix.MemfdCreate("mctr-seccomp", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	h := &Handover{File: os.NewFile(uintptr(fd), "mctr-seccomp")}
	if len(program) == 0 {
		h.path = path
	}
	if err := h.fill(program); err != nil {
		return nil, fmt.Errorf("fill memfd: %w", err)
	}
	return h, nil
}

func (h *Handover) fill(program []byte) error {
	_, err := h.File.Write(append([]byte(magic), program...))
	if err == nil && h.path == "" {
		_, err = unix.FcntlInt(h.File.Fd(), unix.F_ADD_SEALS, sealed)
	}
	if err != nil {
		_ = h.File.Close()
	}
	return err
}

// Keep stores what init compiled, if it did, and closes the memfd. Call it when
// libcontainer has started the process. A cache that cannot be written costs
// time only, so that is no error.
func (h *Handover) Keep() {
	if h == nil {
		return
	}
	defer h.File.Close()
	if h.path == "" || !h.whole() {
		return
	}
	if program, err := received(int(h.File.Fd())); err == nil {
		_ = store(h.path, program)
	}
}

// Close drops the memfd of a process that was not started.
func (h *Handover) Close() {
	if h != nil {
		_ = h.File.Close()
	}
}

func (h *Handover) whole() bool {
	seals, err := unix.FcntlInt(h.File.Fd(), unix.F_GET_SEALS, 0)
	return err == nil && seals == sealed
}

// find gives the descriptor of the memfd among those this process inherited, or
// -1. /proc is not asked: in an exec it is the container's.
func find() int {
	for fd := 3; ; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return -1
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil {
			continue // no memfd
		}
		if _, err := received(fd); err == nil {
			return fd
		}
	}
}

// received reads the program behind the magic; another file is an error.
func received(fd int) ([]byte, error) {
	data, err := io.ReadAll(io.NewSectionReader(descriptor(fd), 0, maxProgram+int64(len(magic))))
	if err != nil {
		return nil, err
	}
	program, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return nil, os.ErrInvalid
	}
	return program, nil
}

// descriptor reads a file that stays someone else's: an os.File would close it.
type descriptor int

func (d descriptor) ReadAt(p []byte, off int64) (int, error) {
	n, err := unix.Pread(int(d), p, off)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}
