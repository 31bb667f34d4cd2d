package shim

import (
	"errors"
	"log/slog"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// hooked is a container whose poststart hook fails; meanwhile the container is destroyed.
type hooked struct {
	engine.Container
	s       *Shim
	signals []int
}

var errHook = errors.New("the hook failed")

func (*hooked) Start() error { return nil }

func (h *hooked) Signal(sig int, _ bool) error {
	h.signals = append(h.signals, sig)
	return nil
}

func (h *hooked) RunPoststart() error {
	if err := h.s.destroy(mctr.Limitation{Reason: mctr.ReasonDestroyed}); err != nil {
		return err
	}
	if len(h.signals) == 0 {
		return errors.New("a hook holds up the container's end")
	}
	h.signals = nil
	return errHook
}

// TestPoststartFails wants the container to be killed when its hook fails. Until then, the hook
// must not block other requests.
func TestPoststartFails(t *testing.T) {
	s, launcher := New(nil, slog.New(slog.DiscardHandler)), &peer{}
	h := &hooked{s: s}
	s.create, s.container, s.launcher, s.phase = &wire.Create{}, h, launcher, mctr.Isolating
	if err := s.Start(launcher, false); !errors.Is(err, errHook) {
		t.Errorf("start: %v", err)
	}
	if len(h.signals) == 0 || h.signals[0] != int(unix.SIGKILL) {
		t.Errorf("the container got signals %v", h.signals)
	}
}
