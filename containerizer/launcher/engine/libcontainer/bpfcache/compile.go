//go:build cgo && seccomp

package bpfcache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/seccomp"
)

// Argument makes this executable compile a profile: see [Compile].
const Argument = "seccomp-compile"

// patience bounds one compilation. Docker's profile takes 20 ms.
const patience = 30 * time.Second

// compileOutside compiles a profile in JSON form in a separate process on the host.
func compileOutside(profile []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", Argument)
	cmd.Env = []string{} // libcontainer's C code in this executable reads variables
	cmd.Stdin = bytes.NewReader(profile)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	program, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("compile seccomp profile: %w", err)
	}
	if len(program) == 0 || len(program) > maxProgram {
		return nil, fmt.Errorf("compile seccomp profile: program of %d bytes: %w", len(program), errDamaged)
	}
	return program, nil
}

// Compile reads a profile from standard input, writes the program that libseccomp makes of it to
// standard output, and exits: with 0 before the program would be loaded, or with 1.
func Compile() {
	err := compile()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func compile() error {
	var profile configs.Seccomp
	if err := json.NewDecoder(os.Stdin).Decode(&profile); err != nil {
		return fmt.Errorf("read seccomp profile: %w", err)
	}
	exportTo(os.Stdout)
	if _, err := seccomp.InitSeccomp(&profile); err != nil {
		return err
	}
	return errors.New("libseccomp exported no program")
}
