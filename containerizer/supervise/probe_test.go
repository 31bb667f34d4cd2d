package supervise

import (
	"path/filepath"
	"testing"

	"github.com/mctr/mctr"
)

// TestVerdict wants a container with a check to be starting before its first probe, and
// where its last verdict was given up on a full disk.
func TestVerdict(t *testing.T) {
	path, check := filepath.Join(t.TempDir(), "health.json"), &mctr.HealthCheck{Command: []string{"true"}}
	if h := Verdict(path, nil); h != nil {
		t.Errorf("without a check: %+v", h)
	}
	if h := Verdict(path, check); h == nil || h.Status != mctr.HealthStarting {
		t.Errorf("before the first probe: %+v", h)
	}
	if err := recordHealth(path, mctr.Health{Status: mctr.Healthy}); err != nil {
		t.Fatal(err)
	}
	if h := Verdict(path, check); h == nil || h.Status != mctr.Healthy {
		t.Errorf("after it: %+v", h)
	}
}
