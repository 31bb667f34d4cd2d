package cephfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

func options(more ...string) map[string]string {
	o := map[string]string{"mon": "a:6789,[::1]:3300,c", "key-file": "/key"}
	for i := 0; i < len(more); i += 2 {
		o[more[i]] = more[i+1]
	}
	return o
}

func TestParseVolume(t *testing.T) {
	v, err := ParseVolume(options("client", "client.team", "fs", "two", "path", "/a/", "directory", "b/c", "create",
		"true", "quota-bytes", "5", "read-only", "1", "client_cache_size", "10"))
	if err != nil || len(v.Spec.Monitors) != 3 || v.Spec.Client != "team" || v.Spec.Path != "/a" || !v.Create ||
		v.Directory != "b/c" || *v.Quota != (Quota{Bytes: 5}) || v.Spec.Options["client_cache_size"] != "10" {
		t.Errorf("got %+v, %v", v, err)
	}
	for name, value := range map[string]string{
		"mon": "a,,b", "key-file": "key", "client": "a b", "fs": "a/b", "path": "a", "directory": "../a",
		"create": "true", "quota-bytes": "-1", "quota-files": "many", "read-only": "maybe", "secret": "x",
		"client_fs": "x", "client_mount_timeout": "1", "ms_bind_ipv6": "a\nb", "log_file": "/x",
	} {
		_, err := ParseVolume(options(name, value))
		if !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s=%q: %v, want ErrInvalid", name, value, err)
		}
	}
	if _, err := ParseVolume(nil); !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "monitors") {
		t.Errorf("no options: %v", err)
	}
}

// FuzzParseVolume: what is accepted has no control characters, and cannot be taken for another option of
// ceph-fuse.
func FuzzParseVolume(f *testing.F) {
	f.Add("path", "/a")
	f.Add("mon", "[::1]:3300")
	f.Add("client_x", "y")
	f.Fuzz(func(t *testing.T, name, value string) {
		v, err := ParseVolume(options(name, value))
		if err != nil {
			return
		}
		mt := &mount{Mounts: New(Config{State: "/state"}), name: "x-1", record: record{Spec: v.Spec}}
		for _, argument := range mt.fuseArguments(key{path: v.Spec.KeyFile}) {
			if strings.ContainsFunc(argument, isControl) {
				t.Errorf("%s=%q: the argument %q", name, value, argument)
			}
		}
	})
}

// TestKernelRequest: the key is in the data of mount(2) only.
func TestKernelRequest(t *testing.T) {
	ring := filepath.Join(t.TempDir(), "keyring")
	text := []byte("[client.other]\nkey = no==\n[client.team]\n\tkey = yes==\n")
	if err := os.WriteFile(ring, text, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := ParseVolume(options("client", "team", "path", "/a", "fs", "two", "read-only", "true", "key-file", ring))
	if err != nil {
		t.Fatal(err)
	}
	k, err := openKey(ring)
	if err != nil {
		t.Fatal(err)
	}
	mt := &mount{Mounts: New(Config{State: "/state"}), name: "x-1", record: record{Spec: v.Spec}}
	r, err := mt.kernelRequest(k)
	if err != nil || r.Source != "a:6789,[::1]:3300,c:/a" || r.Data != "name=team,secret=yes==,mds_namespace=two" ||
		r.Type != "ceph" || r.Flags != unix.MS_NOSUID|unix.MS_NODEV|unix.MS_RDONLY {
		t.Errorf("got %+v, %v", r, err)
	}
	mt.Spec.Client = "none"
	if _, err := mt.kernelRequest(k); !errors.Is(err, mctr.ErrInvalid) || strings.Contains(err.Error(), "yes==") {
		t.Errorf("a client that the keyring lacks: %v", err)
	}
	mt.Spec.Client, mt.Spec.Options = "team", map[string]string{"client_x": "y"}
	if _, err := mt.kernelRequest(k); !errors.Is(err, mctr.ErrUnsupported) {
		t.Errorf("options: %v", err)
	}
}
