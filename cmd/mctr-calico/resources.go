package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
	"github.com/mctr/mctr/internal/visible"
)

// maxFile bounds a file of resources, in bytes.
const maxFile = 4 << 20

// readFile reads the resources in a file. It fails if a resource is not of these kinds. "-" is stdin.
func readFile(path string, kinds ...string) ([]calico.Resource, error) {
	file := os.Stdin
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		file = opened
	}
	all, err := calico.Decode(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: %s: no resources", mctr.ErrInvalid, path)
	}
	for _, r := range all {
		if !slices.Contains(kinds, calico.KindOf(r)) {
			return nil, fmt.Errorf("%w: %s: %s %s: want %s", mctr.ErrInvalid, path, calico.KindOf(r), r.GetName(),
				strings.Join(kinds, " or "))
		}
	}
	return all, nil
}

// A keeper stores resources in the datastore.
type keeper func(*calico.Client, context.Context, ...calico.Resource) error

// keep checks the resources and stores them or, with dry, prints them.
func (a *app) keep(ctx context.Context, by keeper, dry bool, resources ...calico.Resource) error {
	for _, r := range resources {
		if err := calico.Check(r); err != nil {
			return err
		}
	}
	if dry {
		return printYAML(os.Stdout, resources...)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	return by(c, ctx, resources...)
}

// A column is a column in a table of resources.
type column struct {
	title string
	of    func(calico.Resource) string
}

// listCommand returns the command ls for resources of these kinds.
func (a *app) listCommand(what string, kinds []string, columns []column) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ls [flags]", Aliases: []string{"list"}, Short: "List " + what, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var all []calico.Resource
			for _, kind := range kinds {
				some, err := c.List(cmd.Context(), kind)
				if err != nil {
					return err
				}
				all = append(all, some...)
			}
			slices.SortStableFunc(all, func(a, b calico.Resource) int { return cmp.Compare(a.GetName(), b.GetName()) })
			if asJSON {
				return printJSON(os.Stdout, all)
			}
			return printTable(os.Stdout, all, columns)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object per line")
	return cmd
}

// An address has the kind and namespace of named resources.
type address struct{ kind, namespace string }

// showCommand returns the command show. Its output can be applied again.
func (a *app) showCommand(what string, at func() address) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [flags] NAME", Short: "Print " + what + " as YAML for apply -f", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			r, err := c.Get(cmd.Context(), at().kind, at().namespace, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(os.Stdout, []calico.Resource{r})
			}
			return printYAML(os.Stdout, r)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "JSON")
	return cmd
}

// removeCommand returns the command rm, which deletes resources by name.
func (a *app) removeCommand(what string, at func() address) *cobra.Command {
	return &cobra.Command{
		Use: "rm [flags] NAME...", Aliases: []string{"remove"}, Short: "Delete " + what, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return c.Delete(cmd.Context(), at().kind, at().namespace, args...)
		},
	}
}

func printTable(w io.Writer, all []calico.Resource, columns []column) error {
	tabs := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	line := func(cell func(column) string) {
		var cells []string
		for _, c := range columns {
			cells = append(cells, visible.Line(cell(c)))
		}
		fmt.Fprintln(tabs, strings.Join(cells, "\t"))
	}
	line(func(c column) string { return c.title })
	for _, r := range all {
		line(func(c column) string { return c.of(r) })
	}
	return tabs.Flush()
}

func printJSON(w io.Writer, all []calico.Resource) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, r := range all {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// printYAML prints resources as YAML documents. It omits the fields that the datastore has added,
// because the datastore would refuse a resource with an old revision.
func printYAML(w io.Writer, all ...calico.Resource) error {
	for i, r := range all {
		r.SetResourceVersion("")
		r.SetUID("")
		data, err := plainYAML(r)
		if err != nil {
			return err
		}
		if i > 0 {
			data = append([]byte("---\n"), data...)
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// plainYAML returns a resource as YAML without the creation time, which would be null.
func plainYAML(r calico.Resource) ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var whole map[string]any
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, err
	}
	if meta, ok := whole["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
	}
	return yaml.Marshal(whole)
}
