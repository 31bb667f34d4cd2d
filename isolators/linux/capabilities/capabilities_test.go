package capabilities_test

import (
	"slices"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/linux/capabilities"
)

func TestConformance(t *testing.T) {
	isolatortest.Run(t, capabilities.New, &mctr.ContainerConfig{Security: mctr.Security{Privileged: true}})
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, capabilities.New(), []isolatortest.Refusal{
		{Config: security(mctr.Security{CapAdd: []string{"FLY"}}), Is: mctr.ErrInvalid, Field: "security.cap_add FLY"},
		{Config: security(mctr.Security{CapDrop: []string{"FLY"}}), Is: mctr.ErrInvalid,
			Field: "security.cap_drop FLY"},
	})
	isolatortest.Accepts(t, capabilities.New(),
		security(mctr.Security{CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"ALL"}}))
}

func security(s mctr.Security) mctr.ContainerConfig { return mctr.ContainerConfig{Security: s} }

// TestPrepare checks that root has its set, and that another user has it only as the bounding set:
// a setuid program can reach it, the user cannot.
func TestPrepare(t *testing.T) {
	config := security(mctr.Security{CapDrop: []string{"ALL"}, CapAdd: []string{"NET_RAW"}})
	const want = `{"bounding":["CAP_NET_RAW"],"effective":["CAP_NET_RAW"],"permitted":["CAP_NET_RAW"]}`
	if got := isolatortest.JSON(t,
		isolatortest.Prepared(t, capabilities.New(), config).Spec.Process.Capabilities); got != want {
		t.Errorf("root has %s, want %s", got, want)
	}
	config.Process.User = "1000"
	if got := isolatortest.JSON(t,
		isolatortest.Prepared(
			t, capabilities.New(), config).Spec.Process.Capabilities); got != `{"bounding":["CAP_NET_RAW"]}` {
		t.Errorf("user 1000 has %s", got)
	}
}

// TestImageUser checks that the image's user counts if the config has none.
func TestImageUser(t *testing.T) {
	c := isolatortest.NewContainer(t, mctr.ContainerConfig{Image: "test"})
	c.Image.User = "33:33"
	a, err := capabilities.New().Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if caps := a.Spec.Process.Capabilities; len(caps.Effective) > 0 || !slices.Contains(caps.Bounding, "CAP_CHOWN") {
		t.Errorf("user 33 has %+v", caps)
	}
}
