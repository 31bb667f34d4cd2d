// Package prune has the prune commands of system, container, image and volume, which remove unused objects,
// and the removal of all exited containers.
package prune

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
)

// A pruning selects what a prune command removes.
type pruning struct {
	containers, images, volumes bool
	all                         bool // also images and volumes with names
	force                       bool
	filters                     []string

	until  time.Time
	labels []labelFilter
}

// A labelFilter selects objects with, or without, a label.
type labelFilter struct {
	key, value  string
	valued, not bool
}

// SystemCommand returns the command system prune.
func SystemCommand(h *hostapi.Host) *cobra.Command {
	return pruningCommand(h, pruning{containers: true, images: true}, "prune [flags]",
		"Remove exited containers, unused images and leftovers",
		"  mctr system prune\n  mctr system prune -a -f --filter until=240h")
}

// ContainerCommand returns the command container prune.
func ContainerCommand(h *hostapi.Host) *cobra.Command {
	return pruningCommand(h, pruning{containers: true}, "prune [flags]", "Remove all containers that are not running",
		"  mctr container prune -f --filter label=job")
}

// ImageCommand returns the command image prune.
func ImageCommand(h *hostapi.Host) *cobra.Command {
	return pruningCommand(h, pruning{images: true}, "prune [flags]", "Remove images that no container uses",
		"  mctr image prune\n  mctr image prune -a -f --filter until=240h")
}

func pruningCommand(h *hostapi.Host, p pruning, use, short, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		Long: strings.TrimSuffix(short, ".") +
			". The command lists what it\nwill remove and asks first. Without a terminal, it needs --force.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			return pruneAll(ctx, h, &p)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&p.force, "force", "f", false, "do not ask")
	f.StringArrayVar(&p.filters, "filter", nil,
		"`KEY=VALUE`: until (created before this time, or 24h ago), label, label!")
	if p.images {
		f.BoolVarP(&p.all, "all", "a", false,
			"remove all images that no container uses, not only images without a name")
	}
	if p.volumes {
		f.BoolVarP(&p.all, "all", "a", false, "also remove volumes with a name, not only anonymous ones")
	}
	if p.containers && p.images {
		f.BoolVar(&p.volumes, "volumes", false, "also remove anonymous volumes that no container uses")
	}
	return cmd
}

// pruneAll removes containers first, so that their images are not in use.
func pruneAll(ctx context.Context, h *hostapi.Host, p *pruning) error {
	if err := p.parse(time.Now()); err != nil {
		return err
	}
	if ok, err := p.confirm(ctx); err != nil || !ok {
		return err
	}
	var errs []error
	var reclaimed int64
	if p.containers && ctx.Err() == nil {
		bytes, err := containers(ctx, h, p)
		reclaimed, errs = bytes, append(errs, err)
	}
	if p.images && ctx.Err() == nil {
		bytes, err := images(ctx, h, p)
		reclaimed, errs = reclaimed+bytes, append(errs, err)
	}
	if p.volumes && ctx.Err() == nil {
		bytes, err := volumes(ctx, h, p)
		reclaimed, errs = reclaimed+bytes, append(errs, err)
	}
	fmt.Println("Total reclaimed space:", units.HumanSize(float64(reclaimed)))
	return errors.Join(append(errs, context.Cause(ctx))...)
}

func (p *pruning) parse(now time.Time) (err error) {
	for _, f := range p.filters {
		key, value, ok := strings.Cut(f, "=")
		switch {
		case ok && key == "until":
			if p.until, err = flags.ParseTime("--filter until", value, now); err != nil {
				return err
			}
		case ok && (key == "label" || key == "label!") && value != "":
			l := labelFilter{not: key == "label!"}
			l.key, l.value, l.valued = strings.Cut(value, "=")
			p.labels = append(p.labels, l)
		default:
			return fmt.Errorf("%w: --filter %s: want until=TIME, label=KEY[=VALUE] or label!=KEY[=VALUE]",
				mctr.ErrInvalid, f)
		}
	}
	return nil
}

// matches reports whether an object with this creation time and these labels passes all filters.
func (p *pruning) matches(made time.Time, labels map[string]string) bool {
	if !p.until.IsZero() && !made.Before(p.until) {
		return false
	}
	for _, l := range p.labels {
		have, ok := labels[l.key]
		if (ok && (!l.valued || have == l.value)) == l.not {
			return false
		}
	}
	return true
}

func (p *pruning) confirm(ctx context.Context) (bool, error) {
	var what []string
	if p.containers {
		what = append(what, "all containers that are not running")
	}
	if p.images && p.all {
		what = append(what, "all images that no container uses")
	} else if p.images {
		what = append(what, "all images without a name that no container uses")
	}
	if p.images {
		what = append(what, "data of removed images in the store")
	}
	if p.volumes && p.all && !p.images {
		what = append(what, "all volumes that no container uses, with their files")
	} else if p.volumes {
		what = append(what, "all anonymous volumes that no container uses, with their files")
	}
	for _, f := range p.filters {
		what = append(what, "but only objects that match "+f)
	}
	return session.Confirmed(ctx, p.force, what...)
}
