// Command mctr-shim supervises one container: see package shim. Package launcher starts it with a
// listening socket and a lock as inherited descriptors; the shim starts itself again as the init of
// the container. Called mctr-oci, or with oci as its first argument, it is an OCI runtime: see
// package ociruntime.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer"
	"github.com/mctr/mctr/containerizer/launcher/engine/ocibinary"
	"github.com/mctr/mctr/containerizer/launcher/ociruntime"
	"github.com/mctr/mctr/containerizer/launcher/shim"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/visible"
)

// A container's init starts here: see libcontainer.Init.
func init() { libcontainer.Init() }

func main() {
	if args, ok := ociruntime.Invoked(os.Args); ok {
		os.Exit(ociruntime.Run(args, libcontainer.NewAsRunc()))
	}
	if len(os.Args) == 2 && os.Args[1] == launcher.HelloVerb {
		_ = json.NewEncoder(os.Stdout).Encode(wire.ShimHello()) // the launcher notices a missing answer
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(visible.Writer(os.Stderr), "mctr-shim:", err)
		os.Exit(1)
	}
}

func run() error {
	if err := closeInherited(launcher.AliveFD + 1); err != nil {
		return err
	}
	logrus.SetLevel(logrus.WarnLevel) // libcontainer logs to stderr, which is the shim's log
	syscall.CloseOnExec(launcher.ListenFD)
	syscall.CloseOnExec(launcher.AliveFD)
	socket := os.NewFile(launcher.ListenFD, wire.SocketName)
	listener, err := net.FileListener(socket)
	if err != nil {
		return fmt.Errorf("descriptor %d is not a listening socket; mctr starts this program: %w",
			launcher.ListenFD, err)
	}
	if err := socket.Close(); err != nil {
		return err
	}
	return shim.New(engineOf, shim.Log()).Run(listener)
}

// engineOf returns the engine for a container's runtime.
func engineOf(runtime string) engine.Engine {
	if runtime == "" {
		return libcontainer.New()
	}
	return ocibinary.New(runtime)
}

// closeInherited closes the descriptors from least on that the caller of mctr left open. A pipe
// among them would otherwise stay open until the container exits, and its reader would wait.
// Descriptors that this process opened itself (libcontainer's handle of /proc) are close-on-exec,
// unlike inherited ones, and stay open.
func closeInherited(least int) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < least {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
	return nil
}
