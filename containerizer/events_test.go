package containerizer_test

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// TestEvents wants one process to be told what another one and the shim did, in order.
func TestEvents(t *testing.T) {
	a := newAgent(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := make(chan []string)
	go func() {
		var actions []string
		for e, err := range a.open().Events(ctx, mctr.EventOptions{Follow: true}) {
			if err != nil || e.ID != "job" || e.Attributes["name"] != "web" || e.Attributes["image"] != a.image ||
				e.Attributes["owner"] != "test" || e.Time.IsZero() {
				t.Errorf("%+v, %v", e, err)
			}
			actions = append(actions,
				strings.TrimSpace(e.Action+" "+e.Attributes["exitCode"]+e.Attributes["signal"]+e.Attributes["command"]))
			if e.Action == mctr.EventDestroy {
				break
			}
		}
		told <- actions
	}()
	config := a.config("sh", "-c", "trap 'sleep 0.2; exit 4' TERM; while :; do sleep 0.01; done")
	config.Name = "web"
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	stream, err := a.Exec(t.Context(), "job", containerizer.Exec{Args: []string{"echo", "hi"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Close()
	for _, err := range []error{
		a.Pause(t.Context(), "job"), a.Resume(t.Context(), "job"), a.Update(t.Context(), "job", limits(64<<20, 0)),
		a.Kill(t.Context(), "job", unix.SIGTERM),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := a.Wait(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	a.remove("job")
	want := "create, start, exec_start echo hi, pause, unpause, update, kill 15, die 4, destroy"
	if got := strings.Join(<-told, ", "); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
}
