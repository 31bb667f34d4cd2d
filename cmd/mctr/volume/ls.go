package volume

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// A row is a row in the lists of volumes, with the field names of docker. Size is empty unless it was
// asked for.
type row struct {
	ID, Name, Driver, Scope, Mountpoint, Labels, CreatedAt, Size string
	Links                                                        int
}

func newRow(v mctr.VolumeDetails) row {
	r := row{ID: v.Name, Name: v.Name, Driver: v.Driver, Scope: "local", Mountpoint: v.Path, Links: len(v.Containers),
		CreatedAt: v.Created.Local().Format("2006-01-02 15:04:05 -0700 MST")}
	for _, key := range slices.Sorted(maps.Keys(v.Labels)) {
		r.Labels = strings.TrimPrefix(r.Labels+","+key+"="+v.Labels[key], ",")
	}
	if v.Usage != nil {
		r.Size = units.HumanSize(float64(v.Usage.Bytes))
	}
	return r
}

func lsCommand(h *hostapi.Host) *cobra.Command {
	list := &format.List{}
	var filters []string
	cmd := &cobra.Command{
		Use: "ls [flags]", Aliases: []string{"list"}, Short: "List named volumes", Args: cobra.NoArgs,
		Example: "  mctr volume ls\n  mctr volume ls -q --filter dangling=true\n" +
			"  mctr volume ls --format '{{.Name}} {{.Mountpoint}}'",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			matches, err := parseFilters(filters)
			if err != nil {
				return err
			}
			volumes, err := h.VolumeAPI()
			if err != nil {
				return err
			}
			all, err := volumes.List(cmd.Context(), false)
			var rows []row
			for _, v := range all {
				if matches(v) {
					rows = append(rows, newRow(v))
				}
			}
			return errors.Join(
				list.Print(format.Rows(rows), []string{"DRIVER={{.Driver}}", "VOLUME NAME={{.Name}}"}), err)
		},
	}
	list.RegisterQuiet(cmd.Flags())
	list.Register(cmd.Flags(), "names")
	cmd.Flags().StringArrayVarP(&filters, "filter", "f", nil,
		"`KEY=VALUE`: dangling (true: no container uses it), driver, label, name")
	return cmd
}

// parseFilters returns a predicate that is true for volumes that, for each key in the filters, match one
// of its values.
func parseFilters(filters []string) (func(mctr.VolumeDetails) bool, error) {
	values := map[string][]string{}
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if _, known := filterKeys[key]; !ok || !known {
			return nil, fmt.Errorf("%w: --filter %s: want dangling, driver, label or name, and a value",
				mctr.ErrInvalid, f)
		}
		if _, err := strconv.ParseBool(value); key == "dangling" && err != nil {
			return nil, fmt.Errorf("%w: --filter %s: want true or false", mctr.ErrInvalid, f)
		}
		values[key] = append(values[key], value)
	}
	return func(v mctr.VolumeDetails) bool {
		for key, wanted := range values {
			if !slices.ContainsFunc(wanted, func(value string) bool { return filterKeys[key](v, value) }) {
				return false
			}
		}
		return true
	}, nil
}

var filterKeys = map[string]func(v mctr.VolumeDetails, value string) bool{
	"dangling": func(v mctr.VolumeDetails, value string) bool {
		dangling, _ := strconv.ParseBool(value) // it was parsed
		return dangling == (len(v.Containers) == 0)
	},
	"driver": func(v mctr.VolumeDetails, value string) bool { return v.Driver == value },
	"name":   func(v mctr.VolumeDetails, value string) bool { return strings.Contains(v.Name, value) },
	"label": func(v mctr.VolumeDetails, value string) bool {
		key, want, valued := strings.Cut(value, "=")
		have, ok := v.Labels[key]
		return ok && (!valued || have == want)
	},
}
