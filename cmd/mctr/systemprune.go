package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
)

// A pruning is what is to be removed, by which of docker's three commands for it.
type pruning struct {
	containers, images bool
	all                bool // images with names too
	force              bool
	filters            []string

	until  time.Time
	labels []labelFilter
}

// A labelFilter wants a label, or wants it not.
type labelFilter struct {
	key, value  string
	valued, not bool
}

func (a *app) systemPruneCommand() *cobra.Command {
	return a.pruningCommand(pruning{containers: true, images: true}, "prune [flags]",
		"Remove what nobody uses: ended containers, images, leftovers",
		"  mctr system prune\n  mctr system prune -a -f --filter until=240h")
}

func (a *app) containerPruneCommand() *cobra.Command {
	return a.pruningCommand(pruning{containers: true}, "prune [flags]", "Remove every container that does not run",
		"  mctr container prune -f --filter label=job")
}

func (a *app) imagePruneCommand() *cobra.Command {
	return a.pruningCommand(pruning{images: true}, "prune [flags]", "Remove images that nobody uses",
		"  mctr image prune\n  mctr image prune -a -f --filter until=240h")
}

func (a *app) pruningCommand(p pruning, use, short, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		Long: strings.TrimSuffix(short, ".") +
			". It says what and asks first;\nwithout a terminal, --force must be given.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return a.pruneAll(ctx, &p)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&p.force, "force", "f", false, "do not ask")
	f.StringArrayVar(&p.filters, "filter", nil, "`KEY=VALUE`: until (made before: 24h, a time), label, label!")
	if p.images {
		f.BoolVarP(&p.all, "all", "a", false, "every image that no container uses, not only those without a name")
	}
	return cmd
}

// pruneAll removes containers first, so that their images are free.
func (a *app) pruneAll(ctx context.Context, p *pruning) error {
	if err := p.parse(time.Now()); err != nil {
		return err
	}
	if ok, err := p.confirm(ctx); err != nil || !ok {
		return err
	}
	var errs []error
	var reclaimed int64
	if p.containers && ctx.Err() == nil {
		bytes, err := a.pruneContainers(ctx, p)
		reclaimed, errs = bytes, append(errs, err)
	}
	if p.images && ctx.Err() == nil {
		bytes, err := a.pruneImages(ctx, p)
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
			if p.until, err = parseTime("--filter until", value, now); err != nil {
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

// matches reports whether all filters want what was made then and has these labels.
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
		what = append(what, "all containers that do not run")
	}
	if p.images && p.all {
		what = append(what, "all images that no container uses")
	} else if p.images {
		what = append(what, "all images without a name that no container uses")
	}
	if p.images {
		what = append(what, "what is left in the store of images that are gone")
	}
	for _, f := range p.filters {
		what = append(what, "only what matches "+f)
	}
	return confirmed(ctx, p.force, what...)
}

// isPrunable reports whether a container does not run, and is not about to.
func isPrunable(s *mctr.Status) bool {
	return s.Phase == mctr.Exited || s.Phase == mctr.Lost || s.Phase == mctr.Created
}

func (a *app) pruneContainers(ctx context.Context, p *pruning) (reclaimed int64, err error) {
	c, err := a.apiForChange(ctx)
	if err != nil {
		return 0, err
	}
	list, err := a.statuses(ctx, c)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, s := range list {
		if !isPrunable(s) || !p.matches(s.Created, s.Config.Labels) || ctx.Err() != nil {
			continue
		}
		usage, err := c.DiskUsage(ctx, s.ID)
		if err == nil {
			err = c.Remove(ctx, s.ID, false)
		}
		switch {
		case errors.Is(err, mctr.ErrNotFound): // it went by itself, or with its parent
		case errors.Is(err, mctr.ErrState): // it was started meanwhile
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", s.ID.Short(), err))
		default:
			fmt.Println("deleted:", s.ID)
			reclaimed += usage.Total()
		}
	}
	return reclaimed, errors.Join(errs...)
}

func (a *app) pruneImages(ctx context.Context, p *pruning) (int64, error) {
	store, err := a.imageAPI()
	if err != nil {
		return 0, err
	}
	report, err := store.Prune(ctx, provisioner.PruneOptions{All: true, Keep: func(i provisioner.Image) bool {
		made := i.Created
		if made.IsZero() {
			made = i.Pulled
		}
		return !p.all && !provisioner.IsUnnamed(&i) || !p.matches(made, i.Config.Labels)
	}})
	printReport(report)
	return report.Bytes, err
}
