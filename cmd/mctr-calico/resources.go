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

// readFile reads the resources of a file, "-" is stdin, which must be of these kinds.
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
			return nil, fmt.Errorf("%w: %s: %s %s: want %s here", mctr.ErrInvalid, path, calico.KindOf(r), r.GetName(),
				strings.Join(kinds, " or "))
		}
	}
	return all, nil
}

// A keeper is how resources get into the datastore.
type keeper func(*calico.Client, context.Context, ...calico.Resource) error

// keep keeps the resources, or with dry prints them.
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

// A column is of the table of a kind's resources.
type column struct {
	title string
	of    func(calico.Resource) string
}

// listCommand lists the resources of the kinds.
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object a line")
	return cmd
}

// An address is the kind and the namespace of resources that are named.
type address struct{ kind, namespace string }

// showCommand prints a resource so that it can be applied again.
func (a *app) showCommand(what string, at func() address) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [flags] NAME", Short: "Print " + what + " as YAML that apply -f takes", Args: cobra.ExactArgs(1),
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

// removeCommand deletes resources by name.
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

// printYAML prints documents without what the datastore has added: a revision that is
// not the newest would be refused.
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

// plainYAML leaves out the time that Kubernetes' form has even where there is none.
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
