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

// ignoredAtStart are the signals that the caller of this process has it ignore: see inherit.Hush.
var ignoredAtStart []os.Signal

// ChooseInheritance readies this process to start supervisors and plugins, if it is the
// one to do so: they are to get nothing of its caller's.
func ChooseInheritance(remote bool) {
	ignoredAtStart = inherit.Hush()
	if !remote {
		inherit.Seal()
		inherit.Unlimit()
	}
}

// listen has c get these signals, or all, but for those that are not to be heard.
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

// Interruptible is ctx until a signal asks for an end: then what is half done is
// undone, which a process that just dies leaves to the next one. Such a process
// still dies of the third signal.
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

// TerminationSignals are the signals by which a command is asked to end.
var TerminationSignals = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP}

// signalsToForceExit is how many requests to end this process obeys at once, whatever it is doing.
const signalsToForceExit = 3

// exitIfInsisted ends this process where s is the last of enough requests to end: what is
// half done is found and undone by the next process.
func exitIfInsisted(requests int, s os.Signal) {
	if number, ok := s.(unix.Signal); ok && requests >= signalsToForceExit {
		format.Complain(fmt.Errorf(
			"%d signals asked for an end: what is half done stays until the next call or mctr reconcile", requests))
		os.Exit(128 + int(number))
	}
}

// Until is ctx until one of the signals comes that are to be heard.
func Until(ctx context.Context, signals ...os.Signal) (context.Context, context.CancelFunc) {
	if signals = withoutIgnored(signals); len(signals) == 0 {
		return context.WithCancel(ctx) // no signal would be all of them
	}
	return signal.NotifyContext(ctx, signals...)
}
