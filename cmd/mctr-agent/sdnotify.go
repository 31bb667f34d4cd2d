package main

import (
	"context"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd that the agent serves, as often as it asks that it is well,
// and at the end that it ends. Without systemd it does nothing. A socket of systemd's that
// does not work does not keep the agent from serving: that is logged once.
func (a *service) notify(ctx context.Context) {
	var once sync.Once
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			once.Do(func() { a.log.Warn("tell systemd", "error", err) })
		}
	}
	tell(daemon.SdNotifyReady + "\nSTATUS=serving")
	defer tell(daemon.SdNotifyStopping)
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.log.Warn("ask for systemd's watchdog", "error", err)
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
			a.log.Error("not well", "error", err)
			continue
		}
		tell(daemon.SdNotifyWatchdog)
	}
}
