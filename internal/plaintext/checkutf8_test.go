package plaintext

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

// TestCheck: invalid bytes are found wherever a config can have them, and the error shows no value
// of a variable.
func TestCheck(t *testing.T) {
	const bad = "a\xffb"
	entrypoint := []string{"ok", bad}
	for at, c := range map[string]mctr.ContainerConfig{
		"process.args[1]":       {Process: mctr.Process{Args: []string{"ok", bad}}},
		"process.env[0]":        {Process: mctr.Process{Env: []string{"NAME=secret\xff"}}},
		"process.entrypoint[1]": {Process: mctr.Process{Entrypoint: &entrypoint}},
		"process.working_dir":   {Process: mctr.Process{WorkingDir: bad}},
		"labels":                {Labels: map[string]string{bad: "x"}},
		"labels.key":            {Labels: map[string]string{"key": bad}},
		"volumes[0].source":     {Volumes: []mctr.Volume{{Source: bad}}},
		"health.command[0]":     {Health: &mctr.HealthCheck{Command: []string{bad}}},
	} {
		err := Check(&c)
		if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), at) ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", at, err)
		}
	}
	if err := Check(
		&mctr.ContainerConfig{Process: mctr.Process{Args: []string{"ü", "", "\x00\x1b", "日本"}}}); err != nil {
		t.Error(err)
	}
	if err := Check(nil); err != nil {
		t.Error(err)
	}
	if err := Check(struct {
		Bytes   []byte
		ignored string
	}{[]byte(bad), bad}); err != nil {
		t.Error(err)
	}
}

// TestCheckNamesTheSameField: of several invalid fields, the error names the same one each time.
func TestCheckNamesTheSameField(t *testing.T) {
	bad := map[string]string{"a": "\xff", "b": "\xff", "c": "\xff", "d": "\xff"}
	for range 50 {
		if err := Check(mctr.ContainerConfig{Labels: bad}); err == nil || !strings.Contains(err.Error(), "labels.a ") {
			t.Fatalf("%v: want labels.a", err)
		}
	}
}
