package libcontainer_test

import (
	"os"
	"testing"

	"github.com/mctr/mctr/containerizer/launcher/engine/enginetest"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer"
)

// TestMain is also the init of every container: libcontainer runs this program.
func TestMain(m *testing.M) {
	libcontainer.Init()
	os.Exit(m.Run())
}

func TestEngine(t *testing.T) { enginetest.Run(t, libcontainer.New) }
