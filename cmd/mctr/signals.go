package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// deaf are the signals that whoever started this process wants it not to hear:
// nohup(1), or a shell without job control of what it runs in the background.
var deaf = slices.DeleteFunc([]os.Signal{unix.SIGHUP, unix.SIGINT}, func(s os.Signal) bool { return !signal.Ignored(s) })

// listen has c get these signals, or all, but for those that are not to be heard.
func listen(c chan<- os.Signal, signals ...os.Signal) {
	signal.Notify(c, signals...)
	if len(deaf) > 0 { // else all would be ignored
		signal.Ignore(deaf...)
	}
}

// interruptible is ctx until a signal asks for an end: then what is half done is
// undone, which a process that just dies leaves to the next one. Such a process
// still dies of the third signal.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	received, done := make(chan os.Signal, enough), make(chan struct{})
	listen(received, toEnd...)
	go func() {
		for requests := 1; ; requests++ {
			select {
			case s := <-received:
				cancel(fmt.Errorf("%w by %v", context.Canceled, s))
				insisted(requests, s)
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

// toEnd are the signals by which a command is asked to end.
var toEnd = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP}

// enough is how many requests to end this process obeys at once, whatever it is doing.
const enough = 3

// insisted ends this process where s is the last of enough requests to end: what is
// half done is found and undone by the next process.
func insisted(requests int, s os.Signal) {
	if number, ok := s.(unix.Signal); ok && requests >= enough {
		complain(fmt.Errorf("%d signals asked for an end: what is half done stays until the next call or mctr reconcile", requests))
		os.Exit(128 + int(number))
	}
}

// until is ctx until one of the signals comes that are to be heard.
func until(ctx context.Context, signals ...os.Signal) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, slices.DeleteFunc(signals, func(s os.Signal) bool { return slices.Contains(deaf, s) })...)
}
