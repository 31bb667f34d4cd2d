// Package failpoint lets a test stop a process at a named point: one point
// stands behind each checkpoint of a launch and of a destroy. Points are
// compiled in and do nothing unless MCTR_FAILPOINTS names them:
//
//	MCTR_FAILPOINTS=intent=kill,image=error,cleaned/network=sleep:2s
//
// kill ends the process by SIGKILL, error makes Hit return ErrInjected, panic
// panics, sleep waits. Nothing is kept on disk or in the kernel.
package failpoint

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Env is the variable that arms points.
const Env = "MCTR_FAILPOINTS"

// ErrInjected is what Hit returns at a point armed with "error".
var ErrInjected = errors.New("injected failure")

var armed = sync.OnceValue(func() map[string]string { return parse(os.Getenv(Env)) })

// Hit passes the point called name.
func Hit(name string) error {
	action, ok := armed()[name]
	if !ok {
		return nil
	}
	return act(name, action)
}

func parse(s string) map[string]string {
	points := map[string]string{}
	for item := range strings.SplitSeq(s, ",") {
		if name, action, ok := strings.Cut(item, "="); ok {
			points[name] = action
		}
	}
	return points
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
	default:
		return fmt.Errorf("failpoint %s: unknown action %q", name, action)
	}
}
