package canary_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/mctr/mctr/internal/canary"
)

const value = canary.Value("xyzzy-canary")

func TestInFiles(t *testing.T) {
	dir := t.TempDir()
	check := errors.Join(os.Mkdir(dir+"/vault", 0o700), os.WriteFile(dir+"/vault/a", []byte(value), 0o600),
		os.WriteFile(dir+"/plain", []byte("A="+value+";"), 0o600),
		os.WriteFile(dir+"/base64", []byte(`{"value":"eHl6enktY2FuYXJ5"}`), 0o600),
		os.WriteFile(dir+"/hex", []byte("78797a7a792d63616e617279"), 0o600),
		os.WriteFile(dir+"/other", []byte("xyzzy"), 0o600))
	if check != nil {
		t.Fatal(check)
	}
	found, err := value.InFiles(dir+"/vault", dir)
	if want := []string{dir + "/base64", dir + "/hex", dir + "/plain"}; err != nil || !slices.Equal(found, want) {
		t.Errorf("found %q, %v; want %q", found, err, want)
	}
}

func TestInProcesses(t *testing.T) {
	for name, c := range map[string]struct {
		argument, env string
		flags         uintptr
		found         bool
	}{
		"argument":                         {argument: string(value), found: true},
		"environment":                      {env: "A=" + string(value), found: true},
		"environment of another namespace": {env: "A=" + string(value), flags: syscall.CLONE_NEWNS},
		"neither":                          {},
	} {
		cmd := exec.Command("sh", "-c", "read line", c.argument)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = []string{c.env}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: c.flags}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		found, err := value.InProcesses()
		if err != nil || (len(found) > 0) != c.found {
			t.Errorf("%s: found %q, %v", name, found, err)
		}
		_ = in.Close()
		_ = cmd.Wait()
	}
}
