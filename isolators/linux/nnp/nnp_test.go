package nnp_test

import (
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/linux/nnp"
)

func TestConformance(t *testing.T) {
	isolatortest.Run(t, nnp.New, &mctr.ContainerConfig{Security: mctr.Security{NoNewPrivileges: true}})
}

func TestPrepare(t *testing.T) {
	for _, asked := range []bool{false, true} {
		a := isolatortest.Prepared(t, nnp.New(), mctr.ContainerConfig{Security: mctr.Security{NoNewPrivileges: asked}})
		if got := a.Spec.Process.NoNewPrivileges; got != asked {
			t.Errorf("asked for %t, got %t", asked, got)
		}
	}
}
