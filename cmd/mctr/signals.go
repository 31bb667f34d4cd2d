package main

import (
	"context"
	"os"
	"os/signal"
	"slices"

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
// undone, which a process that just dies leaves to the next one.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return until(ctx, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
}

// until is ctx until one of the signals comes that are to be heard.
func until(ctx context.Context, signals ...os.Signal) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, slices.DeleteFunc(signals, func(s os.Signal) bool { return slices.Contains(deaf, s) })...)
}
