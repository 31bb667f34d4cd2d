package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/failpoint"
)

// A sweeper holds the state of one sweep.
type sweeper struct {
	store  *Store
	dry    bool
	report *Report
	errs   []error
}

// remove moves one object to the trash and reports it; in a dry run it only reports it.
func (g *sweeper) remove(list *[]string, name string, bytes int64, parts ...string) {
	if !g.dry {
		if err := g.store.discard(parts...); err != nil && !errors.Is(err, os.ErrNotExist) {
			g.errs = append(g.errs, fmt.Errorf("remove %s: %w", name, err))
			return
		}
	}
	*list = append(*list, name)
	g.report.Bytes += bytes
}

func (g *sweeper) untag(images []*Image) {
	for _, img := range images {
		if !g.dry {
			if err := g.store.untag(img.Reference); err != nil {
				g.errs = append(g.errs, err)
				continue
			}
		}
		g.report.Untagged = append(g.report.Untagged, img.Reference)
	}
}

func (s *Store) untag(reference string) error {
	if err := failpoint.Hit(PointUntag); err != nil {
		return err
	}
	if err := os.Remove(s.ref(reference)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("untag %s: %w", reference, err)
	}
	return atomicfile.SyncDir(s.path("refs"))
}

// sweepRefs removes unreadable records and leftovers of killed writers.
func (g *sweeper) sweepRefs(all []*Image) {
	known := map[string]bool{}
	for _, img := range all {
		known[filepath.Base(g.store.ref(img.Reference))] = true
	}
	for _, dir := range []string{"refs", "leases"} {
		for _, name := range g.names(dir) {
			if atomicfile.IsTemp(name) || dir == "refs" && !known[name] {
				g.remove(&g.report.Temporary, dir+"/"+name, 0, dir, name)
			}
		}
	}
}

// sweepTemporary removes work in progress and the locks of objects: no process provisions now, so
// all of them belong to dead processes.
func (g *sweeper) sweepTemporary() {
	for _, dir := range []string{"tmp", "locks"} {
		for _, name := range g.names(dir) {
			g.remove(&g.report.Temporary, dir+"/"+name, 0, dir, name)
		}
	}
}

func (g *sweeper) sweepBlobs(keep []*Image) {
	used := map[string]bool{}
	for _, img := range keep {
		for _, b := range img.Blobs {
			used[string(b.Digest)] = true
		}
	}
	for _, alg := range g.names("blobs") {
		for _, hex := range g.names(filepath.Join("blobs", alg)) {
			if !used[alg+":"+hex] {
				g.remove(&g.report.Blobs, alg+":"+hex, g.size(alg, hex), "blobs", alg, hex)
			}
		}
	}
}

func (g *sweeper) size(alg, hex string) int64 {
	info, err := os.Lstat(g.store.path("blobs", alg, hex))
	if err != nil {
		return 0
	}
	return info.Size()
}

func (g *sweeper) sweepLayers(keep []*Image) {
	used := map[string]bool{}
	for _, img := range keep {
		for _, l := range img.Layers {
			used[l.Key] = true
		}
	}
	for _, key := range g.names("layers") {
		if !used[key] {
			l, _ := g.store.Layer(key)
			g.remove(&g.report.Layers, key, l.Bytes, "layers", key)
		}
	}
}

// names lists a directory of the store, including temporary files.
func (g *sweeper) names(dir string) []string {
	entries, err := os.ReadDir(g.store.path(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		g.errs = append(g.errs, err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
