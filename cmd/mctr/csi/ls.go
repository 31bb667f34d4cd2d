package csi

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/csi"
)

// A row is a row in the list of plugins.
type row struct {
	ID, Name, Socket, AddedAt string
	Volumes                   int // that this host has made or uses
}

func lsCommand(h *hostapi.Host) *cobra.Command {
	list := &format.List{}
	cmd := &cobra.Command{
		Use: "ls [flags]", Aliases: []string{"list"}, Short: "List CSI plugins", Args: cobra.NoArgs,
		Example:           "  mctr csi plugin ls\n  mctr csi plugin ls --format '{{.Name}} {{.Socket}}'",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			d, err := driver(h)
			if err != nil {
				return err
			}
			all, err := d.Plugins.List()
			counts, uncounted := count(d.Store)
			var rows []row
			for _, p := range all {
				rows = append(rows, row{ID: p.Name, Name: p.Name, Socket: p.Socket, Volumes: counts[p.Name],
					AddedAt: p.Added.Local().Format("2006-01-02 15:04:05 -0700 MST")})
			}
			return errors.Join(list.Print(format.Rows(rows),
				[]string{"NAME={{.Name}}", "VOLUMES={{.Volumes}}", "SOCKET={{.Socket}}"}), err, uncounted)
		},
	}
	list.RegisterQuiet(cmd.Flags())
	list.Register(cmd.Flags(), "names")
	return cmd
}

// count returns the number of volumes by plugin. The error is about records that cannot be read.
func count(store *csi.Store) (map[string]int, error) {
	keys, err := store.Keys()
	counts, errs := map[string]int{}, []error{err}
	for _, key := range keys {
		r, err := store.Read(key)
		if err == nil {
			counts[r.Volume.Plugin]++
		} else if !errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			errs = append(errs, err)
		}
	}
	return counts, errors.Join(errs...)
}
