package csi_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// TestPlugins registers plugins, lists them, and removes them once they have no volumes.
func TestPlugins(t *testing.T) {
	root := t.TempDir()
	plugins, store := csi.NewPlugins(root), csi.NewStore(root)
	if list, err := plugins.List(); len(list) != 0 || err != nil {
		t.Errorf("none yet: %v, %v", list, err)
	}
	for _, name := range []string{"q", "p"} {
		if err := plugins.Add(csi.Registration{Plugin: csi.Plugin{Name: name, Socket: "/run/" + name}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := plugins.Add(csi.Registration{Plugin: csi.Plugin{Name: "q", Socket: "/run/other"}}); err != nil {
		t.Fatal(err)
	}
	list, err := plugins.List()
	if err != nil || len(list) != 2 || list[0].Name != "p" || list[1].Socket != "/run/other" || list[0].Added.IsZero() {
		t.Errorf("list: %+v, %v", list, err)
	}
	r := record() // of plugin p
	lock, err := store.Lock(t.Context(), r.Volume.Key())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if err := store.Write(r, false); err != nil {
		t.Fatal(err)
	}
	if err := plugins.CheckUnused("p", store); !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), `"data"`) {
		t.Errorf("with a volume: %v", err)
	}
	if err := errors.Join(plugins.CheckUnused("q", store), plugins.Remove("q"), store.Remove(r),
		plugins.CheckUnused("p", store), plugins.Remove("p")); err != nil {
		t.Error(err)
	}
	if err := plugins.Remove("p"); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

// TestPluginsRefuse refuses names and sockets that no plugin has, and records that this build cannot know.
func TestPluginsRefuse(t *testing.T) {
	root := t.TempDir()
	plugins := csi.NewPlugins(root)
	for _, plugin := range []csi.Plugin{{Name: "", Socket: "/s"}, {Name: "../p", Socket: "/s"},
		{Name: "p.", Socket: "/s"}, {Name: strings.Repeat("p", 64), Socket: "/s"}, {Name: "p", Socket: "s"}} {
		if err := plugins.Add(csi.Registration{Plugin: plugin}); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%+v: %v", plugin, err)
		}
	}
	if err := plugins.Add(csi.Registration{Plugin: csi.Plugin{Name: "good", Socket: "/s"}}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"newer": `{"version":2,"name":"newer"}`,
		"other": `{"version":1,"name":"good","socket":"/s"}`} {
		if err := os.WriteFile(filepath.Join(root, "csi/plugins", name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := plugins.Get(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := plugins.List(); len(list) != 1 || err == nil {
		t.Errorf("list: %+v, %v", list, err)
	}
}
