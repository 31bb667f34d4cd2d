package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd that the agent serves, as often as it asks that it is well,
// and at the end that it ends. Without systemd it does nothing.
func (a *agent) notify(ctx context.Context) error {
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady+"\nSTATUS=serving"); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	defer func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }()
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		<-ctx.Done()
		return err
	}
	beat := time.NewTicker(every / 2)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
		if err := a.server.Answers(); err != nil {
			a.log.Error("not well", "error", err)
			continue
		}
		_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
	}
}
