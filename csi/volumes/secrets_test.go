package volumes

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// TestResolve reads the secrets that a verb needs, and no others.
func TestResolve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(`{"token":"s3cret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	references := csi.SecretRefs{"NodeStageVolume": "file:" + path, "DeleteVolume": "file:/no/such/file"}
	got, err := resolve(csi.VerbPublish, references)
	if err != nil || len(got) != 1 || got["NodeStageVolume"]["token"] != "s3cret" {
		t.Errorf("publish: %v, %v", got, err)
	}
	if _, err := resolve(csi.VerbDelete, references); !errors.Is(err, os.ErrNotExist) ||
		!strings.Contains(err.Error(), "secrets of DeleteVolume") {
		t.Errorf("delete: %v", err)
	}
}

// TestReadSecrets refuses all but files of secrets, at once, and shows nothing of it.
func TestReadSecrets(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{fifo, dir}
	for name, text := range map[string]string{"text": "s3cret", "list": `["s3cret"]`, "null": "null",
		"number": `{"token":77777}`, "large": `{"token":"` + strings.Repeat("s3cret", mostSecrets) + `"}`} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for _, path := range paths {
		values, err := readSecrets(path)
		if !errors.Is(err, mctr.ErrInvalid) || strings.Contains(err.Error(), "s3cret") ||
			strings.Contains(err.Error(), "77777") || values != nil {
			t.Errorf("%s: %v, %v", path, values, err)
		}
	}
}
