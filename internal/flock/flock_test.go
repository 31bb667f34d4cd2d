package flock_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr/internal/flock"
)

// TestAfterDead: AfterDead waits for a lock that is about to be released, and gives up on one that
// is not.
func TestAfterDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := flock.Exclusive(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flock.AfterDead(t.Context(), path); !errors.Is(err, flock.ErrHeld) {
		t.Errorf("of a live holder: %v", err)
	}
	got := make(chan error)
	go func() {
		l, err := flock.AfterDead(t.Context(), path)
		l.Unlock()
		got <- err
	}()
	held.Unlock()
	if err := <-got; err != nil {
		t.Errorf("of a dead one: %v", err)
	}
}
