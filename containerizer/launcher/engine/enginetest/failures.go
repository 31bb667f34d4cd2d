package enginetest

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/cgroup"
)

// Failures runs the suite without failing t, and gives what each case that
// failed complained of: a suite is proven by engines that are broken. What a
// broken engine leaves is removed.
func Failures(t *testing.T, open func() engine.Engine) map[string][]string {
	t.Helper()
	failed := map[string][]string{}
	for _, c := range cases {
		r := &recorder{TB: t}
		b := newBench(r, open())
		r.run(func() {
			c.run(b)
			b.wantNothing()
		})
		sweep()
		if len(r.said) > 0 {
			failed[c.name] = r.said
		}
	}
	return failed
}

// A recorder takes down what a case complains of. The rest is the test's.
type recorder struct {
	testing.TB
	said []string
}

// run does a case in a goroutine of its own, which Fatal ends.
func (r *recorder) run(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	<-done
}

func (r *recorder) Error(args ...any) { r.said = append(r.said, fmt.Sprint(args...)) }

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// sweep ends and removes what a case left. A frozen process is not ended.
func sweep() {
	_ = cgroup.Kill(group, 5*time.Second)
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err != nil {
			break
		}
	}
	_ = cgroup.Remove(filepath.Dir(group))
}
