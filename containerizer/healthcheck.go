package containerizer

import (
	"cmp"
	"fmt"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/provisioner"
)

// checkProbes refuses probes that cannot be meant.
func checkProbes(config *mctr.ContainerConfig) error {
	if h := config.Health; h != nil {
		if err := h.Validate(); err != nil {
			return err
		}
		if h.Image && config.Image == "" {
			return fmt.Errorf("%w: health check: the image's, and there is no image", mctr.ErrInvalid)
		}
	}
	if config.Ready == nil {
		return nil
	}
	if config.Ready.Image || config.Ready.Disabled {
		return fmt.Errorf("%w: readiness check: exactly one of command, http and tcp", mctr.ErrInvalid)
	}
	return config.Ready.Validate()
}

// resolveHealth decides which check the container has, and writes it down for
// whoever watches the container: a file of its own, for most have none.
func (l *launch) resolveHealth() (err error) {
	l.health, err = healthOf(l.record.Config.Health, l.image)
	if err != nil || l.health == nil {
		return err
	}
	return atomicfile.WriteJSON(l.paths.healthCheck(l.record.ID), l.health)
}

// healthCheck is the check that resolveHealth decided on; nil for none.
func (c *Containerizer) healthCheck(id mctr.ContainerID) *mctr.HealthCheck {
	check := &mctr.HealthCheck{}
	if atomicfile.ReadJSON(c.paths.healthCheck(id), check) != nil {
		return nil
	}
	return check
}

// healthOf is what was asked for, or the image's HEALTHCHECK. docker ends no
// container for that, and neither is it here.
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
		return nil, fmt.Errorf("%w: the image has no HEALTHCHECK: give a command (--health-cmd), --health-http or --health-tcp", mctr.ErrInvalid)
	}
	check.Delay = asked.Delay
	check.Interval, check.Timeout = cmp.Or(asked.Interval, check.Interval), cmp.Or(asked.Timeout, check.Timeout)
	check.StartInterval = cmp.Or(asked.StartInterval, check.StartInterval)
	check.Grace, check.Failures = cmp.Or(asked.Grace, check.Grace), cmp.Or(asked.Failures, check.Failures)
	return check, nil
}

// imageHealth reads an image's HEALTHCHECK, with docker's defaults; nil for none.
func imageHealth(image *provisioner.Image) (*mctr.HealthCheck, error) {
	if image == nil || image.Healthcheck == nil || len(image.Healthcheck.Test) == 0 {
		return nil, nil
	}
	h := image.Healthcheck
	check := &mctr.HealthCheck{
		Interval: cmp.Or(h.Interval, 30*time.Second), StartInterval: cmp.Or(h.StartInterval, 5*time.Second), Timeout: cmp.Or(h.Timeout, 30*time.Second),
		Grace: new(h.StartPeriod), Failures: cmp.Or(h.Retries, 3), Keep: true,
	}
	switch kind, args := h.Test[0], h.Test[1:]; {
	case kind == "NONE":
		return nil, nil
	case kind == "CMD" && len(args) > 0:
		check.Command = args
	case kind == "CMD-SHELL" && len(args) == 1:
		check.Command = []string{"/bin/sh", "-c", args[0]}
	default:
		return nil, fmt.Errorf("%w: the image's HEALTHCHECK %.100q: want CMD, CMD-SHELL or NONE", mctr.ErrInvalid, h.Test)
	}
	return check, check.Validate()
}

// warnings are what the launch cannot do.
func (l *launch) warnings() (list []string) {
	if l.options.Detach && len(l.stands().Watch) == 0 && (l.health != nil || l.record.Config.Ready != nil) {
		list = append(list, "it is not probed: nobody watches a detached container")
	}
	return list
}
