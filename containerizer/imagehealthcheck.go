package containerizer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/provisioner"
)

// resolveHealth decides which health check the container has, and records it for the process
// that watches the container. The record is a file of its own because most containers have none.
func (l *launch) resolveHealth() (err error) {
	l.health, err = healthOf(l.record.Config.Health, l.image)
	if err != nil || l.health == nil {
		return err
	}
	return atomicfile.WriteJSON(l.stored().HealthCheck(), l.health)
}

// healthOf returns the health check of the config, or else the image's HEALTHCHECK. A failure of
// the image's check does not end the container, as with docker.
func healthOf(asked *mctr.HealthCheck, image *provisioner.Image) (*mctr.HealthCheck, error) {
	if asked != nil && !asked.Image {
		if asked.Disabled {
			return nil, nil
		}
		return asked, nil
	}
	check, err := imageHealth(image)
	switch {
	case err != nil:
		return nil, err
	case asked == nil:
		return check, nil
	case check == nil:
		return nil, fmt.Errorf(
			"%w: the image has no HEALTHCHECK: give a command (health.command), health.http or health.tcp",
			mctr.ErrInvalid)
	}
	check.Delay = asked.Delay
	check.Interval, check.Timeout = cmp.Or(asked.Interval, check.Interval), cmp.Or(asked.Timeout, check.Timeout)
	check.StartInterval = cmp.Or(asked.StartInterval, check.StartInterval)
	check.Grace, check.Failures = cmp.Or(asked.Grace, check.Grace), cmp.Or(asked.Failures, check.Failures)
	return check, nil
}

// imageHealth reads an image's HEALTHCHECK as docker does, with docker's defaults. It returns nil
// if there is none, or if docker would ignore it.
func imageHealth(image *provisioner.Image) (*mctr.HealthCheck, error) {
	if image == nil || image.Healthcheck == nil || len(image.Healthcheck.Test) == 0 {
		return nil, nil
	}
	h := image.Healthcheck
	check := &mctr.HealthCheck{
		Interval:      orElse(mctr.Duration(h.Interval), mctr.Duration(30*time.Second)),
		StartInterval: orElse(mctr.Duration(h.StartInterval), mctr.Duration(5*time.Second)),
		Timeout:       orElse(mctr.Duration(h.Timeout), mctr.Duration(30*time.Second)),
		Grace:         new(mctr.Duration(max(h.StartPeriod, 0))), Failures: orElse(h.Retries, 3), Keep: true,
	}
	switch kind, args := h.Test[0], h.Test[1:]; {
	case kind == "NONE":
		return nil, nil
	case kind == "CMD" && len(args) > 0:
		check.Command = args
	case kind == "CMD-SHELL" && len(args) > 0:
		shell := image.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		check.Command = slices.Concat(shell, args)
	default:
		return nil, nil
	}
	return check, check.Validate()
}

// orElse returns n if it is positive, or else other.
func orElse[T int | mctr.Duration](n, other T) T {
	if n <= 0 {
		return other
	}
	return n
}

// warnings returns the requests that the launch could not honour.
func (l *launch) warnings() (list []string) {
	if l.options.Detach && len(l.effectiveCommands().Watch) == 0 && (l.health != nil || l.record.Config.Ready != nil) {
		list = append(list, "it is not probed: no process watches a detached container")
	}
	if image := l.container.Image; image != nil && image.StopSignal != "" && l.record.Config.StopSignal == "" &&
		!isSignal(image.StopSignal) {
		list = append(list,
			fmt.Sprintf("the image's stop signal %.100q is none: it is stopped by SIGTERM (stop_signal sets another)",
				image.StopSignal))
	}
	if check, _ := imageHealth(l.image); check == nil && l.image != nil && l.image.Healthcheck != nil {
		if test := l.image.Healthcheck.Test; len(test) > 0 && test[0] != "NONE" {
			list = append(list,
				fmt.Sprintf("the image's HEALTHCHECK %.100q is none of CMD, CMD-SHELL and NONE, and left out", test))
		}
	}
	return list
}
