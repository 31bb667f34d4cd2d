package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/provisioner"
)

func dfCommand(h *hostapi.Host) *cobra.Command {
	list := &format.List{}
	var verbose bool
	cmd := &cobra.Command{
		Use:   "df [flags]",
		Short: "Show the disk usage of images, containers and volumes",
		Long: `Show the disk usage of images, packed and unpacked, of containers, with their logs and
files, and of named volumes, and how much of it could be freed by removing unused images
and volumes, and containers that are not running. Data that images share counts once.
Leftovers are data that no image refers to.`,
		Example: "  mctr system df\n  mctr system df -v\n  mctr system df --format '{{.Type}} {{.Reclaimable}}'",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := measure(cmd.Context(), h)
			if err != nil {
				return err
			}
			if verbose {
				return s.printVerbose(list)
			}
			return list.Print(format.Rows(s.rows()),
				[]string{"TYPE={{.Type}}", "TOTAL={{.TotalCount}}", "ACTIVE={{.Active}}", "SIZE={{.Size}}",
					"RECLAIMABLE={{.Reclaimable}}"})
		},
	}
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show each image and container")
	list.Register(cmd.Flags(), "ids with --verbose")
	return cmd
}

// space is the disk usage of images, containers and volumes.
type space struct {
	images     provisioner.Usage
	containers []containerSpace
	volumes    []mctr.VolumeDetails
}

type containerSpace struct {
	*mctr.Status
	usage containerizer.DiskUsage
}

func measure(ctx context.Context, h *hostapi.Host) (*space, error) {
	c, err := h.API(ctx)
	if err != nil {
		return nil, err
	}
	store, err := h.ImageAPI()
	if err != nil {
		return nil, err
	}
	volumes, err := h.VolumeAPI()
	if err != nil {
		return nil, err
	}
	s := &space{}
	if s.volumes, err = volumes.List(ctx, true); err != nil {
		return nil, err
	}
	if s.images, err = store.Usage(ctx); err != nil {
		return nil, err
	}
	list, err := h.Statuses(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, status := range list {
		usage, err := c.DiskUsage(ctx, status.ID)
		if errors.Is(err, mctr.ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		s.containers = append(s.containers, containerSpace{status, usage})
	}
	return s, nil
}

// A spaceRow has the field names of docker.
type spaceRow struct{ Type, TotalCount, Active, Size, Reclaimable string }

func newSpaceRow(what string, total, active int, size, reclaimable int64) spaceRow {
	r := spaceRow{what, strconv.Itoa(total), strconv.Itoa(active), units.HumanSize(float64(size)),
		units.HumanSize(float64(reclaimable))}
	if size > 0 {
		r.Reclaimable += fmt.Sprintf(" (%d%%)", reclaimable*100/size)
	}
	return r
}

func (s *space) rows() []spaceRow {
	total, active := map[string]bool{}, map[string]bool{}
	for _, i := range s.images.Images {
		total[string(i.ID)] = true
		if len(i.Holders) > 0 {
			active[string(i.ID)] = true
		}
	}
	var size, reclaimable int64
	running := 0
	for _, c := range s.containers {
		size += c.usage.Total()
		if prune.IsPrunable(c.Status) {
			reclaimable += c.usage.Total()
		} else {
			running++
		}
	}
	used, stored, unused := s.volumeSpace()
	left := s.images.Leftovers
	return []spaceRow{
		newSpaceRow("Images", len(total), len(active), s.images.Bytes, s.images.Reclaimable),
		newSpaceRow("Containers", len(s.containers), running, size, reclaimable),
		newSpaceRow("Local Volumes", len(s.volumes), used, stored, unused),
		newSpaceRow("Leftovers", len(left.Blobs)+len(left.Layers)+len(left.Temporary), 0, left.Bytes, left.Bytes),
	}
}

// volumeSpace returns the number of volumes that containers use, the size of all volumes, and that of the
// others.
func (s *space) volumeSpace() (used int, stored, unused int64) {
	for _, v := range s.volumes {
		var size int64
		if v.Usage != nil {
			size = v.Usage.Bytes
		}
		stored += size
		if len(v.Containers) > 0 {
			used++
		} else {
			unused += size
		}
	}
	return used, stored, unused
}

// imageSpaceRow, containerSpaceRow and volumeSpaceRow have the field names of docker.
type imageSpaceRow struct{ Repository, Tag, ID, CreatedSince, Size, SharedSize, UniqueSize, Containers string }

type volumeSpaceRow struct{ Name, Links, Size string }

type containerSpaceRow struct{ ID, Image, Command, Size, LogSize, RunningFor, Status, Names string }

func (s *space) imageRows(noTrunc bool) (rows []imageSpaceRow) {
	var all []provisioner.Image
	for _, i := range s.images.Images {
		all = append(all, i.Image)
	}
	for _, i := range s.images.Images {
		if !provisioner.Shown(i.Image, all) {
			continue
		}
		r := imageSpaceRow{
			ID: i.ID.Encoded(), Size: units.HumanSize(float64(i.Bytes)), SharedSize: units.HumanSize(float64(i.Shared)),
			UniqueSize: units.HumanSize(float64(i.Bytes - i.Shared)), Containers: strconv.Itoa(len(i.Holders)),
		}
		r.Repository, r.Tag = format.SplitReference(i.Reference)
		if !i.Created.IsZero() {
			r.CreatedSince = format.Ago(i.Created)
		}
		if !noTrunc {
			r.ID = format.ShortDigest(r.ID)
		}
		rows = append(rows, r)
	}
	return rows
}

func (s *space) containerRows(noTrunc bool) (rows []containerSpaceRow) {
	for _, c := range s.containers {
		r := format.NewContainerRow(c.Status, noTrunc)
		rows = append(rows, containerSpaceRow{
			r.ID, r.Image, r.Command, units.HumanSize(float64(c.usage.Written + c.usage.Sandbox)),
			units.HumanSize(float64(c.usage.Logs)), r.RunningFor, r.Status, r.Names,
		})
	}
	return rows
}

func (s *space) printVerbose(list *format.List) error {
	images, containers, volumes := s.imageRows(list.NoTrunc), s.containerRows(list.NoTrunc), s.volumeRows()
	if list.JSON || list.Format == "json" {
		return format.JSON(os.Stdout, map[string]any{"Images": images, "Containers": containers,
			"Volumes": volumes})
	}
	if list.Format != "" && list.Format != "table" {
		return fmt.Errorf("%w: --verbose prints only a table or json", mctr.ErrInvalid)
	}
	fmt.Printf("Images space usage:\n\n")
	err := format.Table{Columns: []string{
		"REPOSITORY={{.Repository}}", "TAG={{.Tag}}", "IMAGE ID={{.ID}}", "CREATED={{.CreatedSince}}", "SIZE={{.Size}}",
		"SHARED SIZE={{.SharedSize}}", "UNIQUE SIZE={{.UniqueSize}}", "CONTAINERS={{.Containers}}",
	}}.Print(os.Stdout, format.Rows(images))
	if err != nil {
		return err
	}
	fmt.Printf("\nContainers space usage:\n\n")
	err = format.Table{Columns: []string{
		"CONTAINER ID={{.ID}}", "IMAGE={{.Image}}", "COMMAND={{.Command}}", "SIZE={{.Size}}", "LOGS={{.LogSize}}",
		"CREATED={{.RunningFor}}", "STATUS={{.Status}}", "NAMES={{.Names}}",
	}}.Print(os.Stdout, format.Rows(containers))
	if err != nil {
		return err
	}
	fmt.Printf("\nLocal Volumes space usage:\n\n")
	return format.Table{Columns: []string{"VOLUME NAME={{.Name}}", "LINKS={{.Links}}", "SIZE={{.Size}}"}}.
		Print(os.Stdout, format.Rows(volumes))
}

func (s *space) volumeRows() (rows []volumeSpaceRow) {
	for _, v := range s.volumes {
		r := volumeSpaceRow{Name: v.Name, Links: strconv.Itoa(len(v.Containers))}
		if v.Usage != nil {
			r.Size = units.HumanSize(float64(v.Usage.Bytes))
		}
		rows = append(rows, r)
	}
	return rows
}
