package libcontainer_test

import (
	"testing"

	"github.com/mctr/mctr/containerizer/launcher/engine/enginetest"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer"
)

// libcontainer runs this program as the init of every container.
func init() { libcontainer.Init() }

func TestEngine(t *testing.T) { enginetest.Run(t, "libcontainer", libcontainer.New) }
