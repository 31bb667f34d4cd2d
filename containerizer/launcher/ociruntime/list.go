package ociruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/mctr/mctr/internal/visible"
)

func (r *runtime) list(args []string) (int, error) {
	format, quiet := "table", false
	f := newFlags("list")
	stringVar(f, &format, "format", "f", "table or json")
	boolVar(f, &quiet, "quiet", "q", "print only ids")
	if _, err := parseArguments(f, args, 0, 0); err != nil {
		return 1, err
	}
	found, err := r.containers()
	if err != nil {
		return 1, err
	}
	switch {
	case quiet:
		for _, s := range found {
			fmt.Fprintln(r.stdout, s.ID)
		}
		return 0, nil
	case format == "json":
		return 0, json.NewEncoder(r.stdout).Encode(found)
	case format == "table":
		return 0, r.table(found)
	}
	return 1, fmt.Errorf("--format %s: want table or json", format)
}

func (r *runtime) table(found []*containerState) error {
	w := tabwriter.NewWriter(r.stdout, 12, 1, 3, ' ', 0)
	fmt.Fprint(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	for _, s := range found {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Pid, s.Status, visible.Line(s.Bundle),
			s.Created.Format(time.RFC3339Nano), s.Owner)
	}
	return w.Flush()
}

// containers returns the containers below --root. It prints an error about one that it cannot read,
// and skips it.
func (r *runtime) containers() ([]*containerState, error) {
	entries, err := os.ReadDir(r.root)
	if errors.Is(err, fs.ErrNotExist) && r.root == defaultRoot() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []*containerState
	for _, e := range entries {
		if !e.IsDir() || filepath.Join(r.root, e.Name()) == r.cache() {
			continue
		}
		s, err := r.describeIn(e.Name())
		if err != nil {
			fmt.Fprintf(visible.Writer(os.Stderr), "load container %s: %v\n", e.Name(), err)
			continue
		}
		found = append(found, s)
	}
	return found, nil
}

func (r *runtime) describeIn(name string) (*containerState, error) {
	c, err := r.load(name)
	if err != nil {
		return nil, err
	}
	s, err := describe(c)
	if err != nil {
		return nil, err
	}
	s.Owner = owner(filepath.Join(r.root, name))
	return s, nil
}

// owner returns the name of the directory's owner, or #UID if the owner has no name.
func owner(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	uid := strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid))
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return "#" + uid
}
