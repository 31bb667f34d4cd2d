package prune

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// RemoveEnded removes every container that has exited and, with force, every other container. It
// ignores containers that were removed meanwhile, automatically or with their root.
func RemoveEnded(ctx context.Context, h *hostapi.Host, force bool) error {
	c, err := h.APIForChange(ctx)
	if err != nil {
		return err
	}
	list, err := h.Statuses(ctx, c)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range list {
		if s.Phase != mctr.Exited && s.Phase != mctr.Lost && !force {
			continue
		}
		if err := c.Remove(ctx, s.ID, force); err == nil {
			fmt.Println(s.ID)
		} else if !errors.Is(err, mctr.ErrNotFound) {
			errs = append(errs, fmt.Errorf("%s: %w", s.ID.Short(), err))
		}
	}
	return errors.Join(errs...)
}

// IsPrunable reports whether a container is neither running nor about to run.
func IsPrunable(s *mctr.Status) bool {
	return s.Phase == mctr.Exited || s.Phase == mctr.Lost || s.Phase == mctr.Created
}

func containers(ctx context.Context, h *hostapi.Host, p *pruning) (reclaimed int64, err error) {
	c, err := h.APIForChange(ctx)
	if err != nil {
		return 0, err
	}
	list, err := h.Statuses(ctx, c)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, s := range list {
		if !IsPrunable(s) || !p.matches(s.Created, s.Config.Labels) || ctx.Err() != nil {
			continue
		}
		usage, err := c.DiskUsage(ctx, s.ID)
		if err == nil {
			err = c.Remove(ctx, s.ID, false)
		}
		switch {
		case errors.Is(err, mctr.ErrNotFound): // removed meanwhile, automatically or with its parent
		case errors.Is(err, mctr.ErrState): // started meanwhile
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", s.ID.Short(), err))
		default:
			fmt.Println("deleted:", s.ID)
			reclaimed += usage.Total()
		}
	}
	return reclaimed, errors.Join(errs...)
}
