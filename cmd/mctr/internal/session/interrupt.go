package session

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/internal/inherit"
)

// ignoredAtStart are the signals that were ignored when this process started: see inherit.Hush.
var ignoredAtStart []os.Signal

// ChooseInheritance prepares this process to start supervisors and plugins, unless an agent does so.
// They must not inherit open files or limits of this process's caller.
func ChooseInheritance(remote bool) {
	ignoredAtStart = inherit.Hush()
	if !remote {
		inherit.Seal()
		inherit.Unlimit()
	}
}

// listen relays the given signals, or all signals, to c, except those that were ignored at start.
func listen(c chan<- os.Signal, signals ...os.Signal) {
	if len(signals) == 0 {
		for number := unix.Signal(1); number < 65; number++ {
			signals = append(signals, number)
		}
	}
	if signals = withoutIgnored(signals); len(signals) > 0 {
		signal.Notify(c, signals...)
	}
}

func withoutIgnored(signals []os.Signal) []os.Signal {
	return slices.DeleteFunc(signals, func(s os.Signal) bool { return slices.Contains(ignoredAtStart, s) })
}

// Interruptible returns a context that a termination signal cancels, so that the command can undo what
// is half done. The third signal ends the process at once; then the next command has to clean up.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	received, done := make(chan os.Signal, signalsToForceExit), make(chan struct{})
	listen(received, TerminationSignals...)
	go func() {
		for requests := 1; ; requests++ {
			select {
			case s := <-received:
				cancel(fmt.Errorf("%w by %v", context.Canceled, s))
				exitIfInsisted(requests, s)
			case <-done:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(received)
		close(done)
		cancel(context.Canceled)
	})
}

// TerminationSignals are the signals that ask a command to end.
var TerminationSignals = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP}

// signalsToForceExit is the number of termination signals after which this process exits at once.
const signalsToForceExit = 3

// exitIfInsisted exits if s is the last of enough termination signals. A later process finds and undoes
// what is half done.
func exitIfInsisted(requests int, s os.Signal) {
	if number, ok := s.(unix.Signal); ok && requests >= signalsToForceExit {
		format.Complain(fmt.Errorf(
			"exiting after %d signals: the next command, or mctr reconcile, cleans up what is half done", requests))
		os.Exit(128 + int(number))
	}
}

// Until returns a context that ends at one of the signals, except those that were ignored at start.
func Until(ctx context.Context, signals ...os.Signal) (context.Context, context.CancelFunc) {
	if signals = withoutIgnored(signals); len(signals) == 0 {
		return context.WithCancel(ctx) // NotifyContext without signals means all signals
	}
	return signal.NotifyContext(ctx, signals...)
}
