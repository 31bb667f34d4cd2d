package shim

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestNewerSpec wants an error that names the fields of config.json that this build does not know.
func TestNewerSpec(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	spec := `{"ociVersion":"1.0.2","process":{"cwd":"/"},"linux":{"gravity":{"g":0},"resources":{"memory":{"leak":1}}}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := loadSpec(&wire.Create{Bundle: dir})
	if !errors.Is(err, mctr.ErrUnsupported) ||
		!strings.Contains(err.Error(), "config.json: linux.gravity, linux.resources.memory.leak") {
		t.Errorf("got %v", err)
	}
}
