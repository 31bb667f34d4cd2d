// Package failpoint lets a test stop a process at a named point; there is one point after each
// checkpoint of a launch and of a destroy. Points are compiled in and do nothing unless
// MCTR_FAILPOINTS names them:
//
//	MCTR_FAILPOINTS=intent=kill,image=error,cleaned/network=sleep:2s
//
// kill ends the process with SIGKILL, error makes Hit return ErrInjected, panic panics, sleep
// waits, fill:DIR fills DIR's filesystem with a file named ".filler". Nothing else is created on
// disk or in the kernel.
package failpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Env is the environment variable that arms points.
const Env = "MCTR_FAILPOINTS"

// ErrInjected is the error of Hit at a point armed with "error".
var ErrInjected = errors.New("injected failure")

// armed holds the action of each armed point.
var armed = sync.OnceValue(func() map[string]string {
	points := map[string]string{}
	for item := range strings.SplitSeq(os.Getenv(Env), ",") {
		if name, action, ok := strings.Cut(item, "="); ok {
			points[name] = action
		}
	}
	return points
})

// Hit performs the action of the point called name, if it is armed.
func Hit(name string) error {
	action, ok := armed()[name]
	if !ok {
		return nil
	}
	return act(name, action)
}

func act(name, action string) error {
	verb, arg, _ := strings.Cut(action, ":")
	switch verb {
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "error":
		return fmt.Errorf("failpoint %s: %w", name, ErrInjected)
	case "panic":
		panic("failpoint " + name)
	case "sleep":
		d, err := time.ParseDuration(arg)
		if err != nil {
			return fmt.Errorf("failpoint %s: %w", name, err)
		}
		time.Sleep(d)
		return nil
	case "fill":
		return fill(arg)
	default:
		return fmt.Errorf("failpoint %s: unknown action %q", name, action)
	}
}

// fill uses up the space in dir's filesystem.
func fill(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, ".filler"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil // there is no space even for a directory entry
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2] // down to the last byte
		}
	}
	return nil
}
