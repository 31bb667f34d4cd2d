package containerizer_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// TestNewerRecord wants a record with more than this build knows neither started from nor
// written again, and its container shown and removed all the same.
func TestNewerRecord(t *testing.T) {
	a := newAgent(t)
	if err := a.Create(t.Context(), "job", a.config("true"), nil); err != nil {
		t.Fatal(err)
	}
	path := a.root + "/containers/job/config.json"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(data, []byte(`"config":{`), []byte(`"config":{"gravity":"none",`), 1)
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	_, startErr := a.Start(t.Context(), "job", containerizer.LaunchOptions{})
	for what, err := range map[string]error{"start": startErr, "rename": a.Rename(t.Context(), "job", "other")} {
		if !errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), "config.gravity") ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want the field and the record named", what, err)
		}
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, newer) {
		t.Errorf("the record is %s now, %v", now, err)
	}
	if status, err := a.Status(t.Context(), "job"); err != nil || status.Phase != mctr.Created {
		t.Errorf("it is %+v, %v", status, err)
	}
	if err := a.Remove(t.Context(), "job", true); err != nil {
		t.Error(err)
	}
}
