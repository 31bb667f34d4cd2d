package main

import (
	"context"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd that the agent is ready, then regularly, if systemd has a watchdog, that the
// agent works, and at the end that it is stopping. Without systemd it does nothing. An error is logged
// once, and does not stop the agent.
func (a *service) notify(ctx context.Context) {
	var once sync.Once
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			once.Do(func() { a.log.Warn("notify systemd", "error", err) })
		}
	}
	tell(daemon.SdNotifyReady + "\nSTATUS=serving")
	defer tell(daemon.SdNotifyStopping)
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.log.Warn("get the watchdog interval of systemd", "error", err)
	}
	if err != nil || every == 0 {
		<-ctx.Done()
		return
	}
	beat := time.NewTicker(every / 2)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
		}
		if err := a.server.Answers(); err != nil {
			a.log.Error("the agent does not work", "error", err)
			continue
		}
		tell(daemon.SdNotifyWatchdog)
	}
}
