package quota

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// points are the failpoints of each verb, in order.
var points = map[Means]map[string][]string{
	Ext4: {
		"make":   {"quota/intent", "quota/dir", "quota/limits", "quota/assigned", "quota/ready"},
		"change": {"quota/changing"},
		"remove": {"quota/removing", "quota/data", "quota/unlimited", "quota/removed"},
	},
	Btrfs: {
		"make":   {"quota/intent", "quota/subvolume", "quota/dir", "quota/ready"},
		"change": {"quota/changing"},
		"remove": {"quota/removing", "quota/data", "quota/unlimited", "quota/removed"},
	},
	Loop: {
		"make":   {"quota/intent", "quota/dir", "quota/image", "quota/filesystem", "quota/ready"},
		"mount":  {"quota/attached", "quota/mounted"},
		"grow":   {"quota/changing", "quota/truncated", "quota/resized"},
		"shrink": {"quota/changing", "quota/copied", "quota/truncated", "quota/resized"},
		"remove": {"quota/removing", "quota/data", "quota/removed"},
	},
}

// TestPoints: the list has every failpoint of the package.
func TestPoints(t *testing.T) {
	listed := map[string]bool{}
	for _, verbs := range points {
		for _, list := range verbs {
			for _, point := range list {
				listed[point] = true
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`failpoint\.Hit\("(.*)"\)`).FindAllStringSubmatch(string(source), -1) {
			if found++; !listed[m[1]] {
				t.Errorf("%s has %s, at which no test kills", file, m[1])
			}
		}
	}
	if found < len(listed) {
		t.Errorf("found only %d points", found)
	}
}

func pointsOf(m Means) map[string][]string {
	if m == XFS {
		m = Ext4
	}
	return points[m]
}

// testKill kills a process at each failpoint. The verb can be repeated, and Remove removes all.
func testKill(t *testing.T, f *fixture) {
	dir := filepath.Join(f.store.Dir, "kill")
	limits := map[string]Limits{"grow": {Bytes: 2 * size}, "shrink": {Bytes: size / 2}, "change": {Bytes: 2 * size}}
	for verb, list := range pointsOf(f.means) {
		j := job{f.store.Config, verb, dir, Limits{Bytes: size}}
		if l, changes := limits[verb]; changes {
			j.Verb, j.Limits = "change", l
		}
		for i, point := range list {
			after := []string{j.Verb, "remove"}
			if testing.Short() { // one of both
				after = after[i%2 : i%2+1]
			}
			for _, then := range after {
				f.prepare(t, verb, dir)
				j.killAt(t, point)
				if then == j.Verb && then != "remove" {
					must(t, j.run(f.store))
					f.whole(t, verb, dir, j.Limits)
				}
				f.removed(t, dir)
			}
		}
	}
}

// prepare does what comes before the verb.
func (f *fixture) prepare(t *testing.T, verb, dir string) {
	t.Helper()
	if verb == "make" {
		return
	}
	must(t, f.store.Make(t.Context(), dir, "test", Limits{Bytes: size}), f.store.Mount(t.Context(), dir))
	must(t, os.WriteFile(dir+"/file", []byte("data"), 0o600), f.store.Unmount(t.Context(), dir))
}

// whole wants the limits, and the file that prepare wrote.
func (f *fixture) whole(t *testing.T, verb, dir string, l Limits) {
	t.Helper()
	must(t, f.store.Mount(t.Context(), dir))
	r, err := f.store.load(dir)
	if err != nil || r.State != Ready || r.Limits != l {
		t.Errorf("%s: %+v, %v", verb, r, err)
	}
	u, err := f.store.Usage(t.Context(), dir)
	if err != nil || u.Limits.Bytes > l.Bytes || u.Limits.Bytes < l.Bytes/4 {
		t.Errorf("%s: %+v, %v, want %s", verb, u, err, l)
	}
	if data, err := os.ReadFile(dir + "/file"); verb != "make" && (err != nil || string(data) != "data") {
		t.Errorf("%s: the file has %q, %v", verb, data, err)
	}
}

// testFail: a Make that fails at any point leaves nothing, and a Change that fails leaves the old
// limits.
func testFail(t *testing.T, f *fixture) {
	dir := filepath.Join(f.store.Dir, "fail")
	j := job{f.store.Config, "make", dir, Limits{Bytes: size}}
	list := pointsOf(f.means)["make"]
	for _, point := range list[1 : len(list)-1] { // those of the means
		cmd := j.command(t, point+"=error")
		if err := cmd.Run(); err == nil {
			t.Errorf("%s: no error", point)
		}
		entries, err := os.ReadDir(f.store.Dir)
		if err != nil || len(entries) > 0 {
			t.Errorf("%s left %v, %v", point, entries, err)
		}
		f.removed(t, dir)
	}
	j.Verb = "change"
	for verb, bytes := range map[string]int64{"change": 2 * size, "grow": 2 * size, "shrink": size / 2} {
		for _, point := range pointsOf(f.means)[verb] {
			f.prepare(t, verb, dir)
			j.Limits.Bytes = bytes
			if err := j.command(t, point+"=error").Run(); err == nil {
				t.Errorf("%s at %s: no error", verb, point)
			}
			f.whole(t, verb, dir, Limits{Bytes: size})
			f.removed(t, dir)
		}
	}
}
