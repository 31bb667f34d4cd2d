package tree

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestNames: the memory for hard links depends only on their last names, however long their paths
// are, and is freed when all names were seen.
func TestNames(t *testing.T) {
	const files = 20000
	deep := Root("top").In(strings.Repeat("d", 255))
	for range 14 {
		deep = deep.In(strings.Repeat("d", 255))
	}
	var n Names
	var list List[int]
	before := heap()
	for i := range files {
		name := deep.In(fmt.Sprint(i))
		if first := n.First(ID{1, uint64(i)}, 3, func() *Name { return name }); first != nil {
			t.Fatalf("%d was met before: %s", i, first.Path())
		}
		list.Add(name.Path(), i)
	}
	if each := (heap() - before) / files; each > 600 {
		t.Errorf("%d bytes for each of two names", each)
	}
	i := 0
	for path, value := range list.All {
		if want := deep.In(fmt.Sprint(i)).Path(); path != want || value != i {
			t.Fatalf("entry %d: %d, %q", i, value, path)
		}
		i++
	}
	for range 2 {
		for i := range files {
			if first := n.First(ID{1, uint64(i)}, 3, func() *Name {
				return nil
			}); first.Path() != deep.In(fmt.Sprint(i)).Path() {
				t.Fatalf("%d: %v", i, first)
			}
		}
	}
	if len(n.first) != 0 {
		t.Errorf("%d are remembered of which all names were met", len(n.first))
	}
	runtime.KeepAlive(&list)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
