package libcontainer_test

import (
	"testing"

	"github.com/mctr/mctr/containerizer/launcher/engine/enginetest"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer"
)

// init is also that of every container: libcontainer runs this program.
func init() { libcontainer.Init() }

func TestEngine(t *testing.T) { enginetest.Run(t, "libcontainer", libcontainer.New) }
