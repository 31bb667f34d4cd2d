package credentials_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/credentials"
)

// helper puts a program docker-credential-t in PATH.
func helper(t *testing.T, script string) credentials.Helper {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-t"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return credentials.Helper{Name: "t", Deadline: 5 * time.Second}
}

func TestGet(t *testing.T) {
	ctx := context.Background()
	for name, g := range map[string]struct {
		script string
		want   credentials.Credentials
		err    error
		text   string
	}{
		"password": {script: `echo '{"ServerURL":"s","Username":"u","Secret":"p"}'`,
			want: credentials.Credentials{Username: "u", Password: "p"}},
		"identity token": {script: `echo '{"Username":"<token>","Secret":"tok"}'`,
			want: credentials.Credentials{IdentityToken: "tok"}},
		"none": {script: `echo "credentials not found in native keychain"; exit 1`},
		"the server": {script: `[ "$(cat)" = "https://host.test" ] && [ "$1" = get ] && echo '{"Username":"u"}'`,
			want: credentials.Credentials{Username: "u"}},
		"huge":           {script: `exec yes`, err: mctr.ErrInvalid, text: "more than"},
		"huge complaint": {script: `yes | head -c 100000 >&2; exit 3`, text: "exit status 3"},
		"no answer":      {script: `exit 0`, text: "EOF"},
		"garbage":        {script: `echo hello`, text: "invalid character"},
		"secret in fail": {script: `echo '{"Secret":"hunter2"}'; exit 1`, text: "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := helper(t, g.script).Get(ctx, "https://host.test")
			if got != g.want || g.text == "" && err != nil ||
				g.text != "" && (err == nil || !strings.Contains(err.Error(), g.text)) ||
				g.err != nil && !errors.Is(err, g.err) {
				t.Errorf("%+v, %v", got, err)
			}
			if err != nil &&
				(strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 1000 ||
					!strings.Contains(err.Error(), "docker-credential-t")) {
				t.Errorf("%.2000v", err)
			}
		})
	}
}

// TestHanging: a helper that does not answer is killed, and its children that keep the pipes open
// are not waited for.
func TestHanging(t *testing.T) {
	for _, script := range []string{"exec sleep 300", "sleep 30 & sleep 300"} {
		h := helper(t, script)
		h.Deadline = 200 * time.Millisecond
		if _, err := h.Get(context.Background(), "x"); !errors.Is(err, mctr.ErrUnavailable) {
			t.Errorf("%s: %v", script, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if _, err := helper(t, script).Get(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", script, err)
		}
		cancel()
	}
}

// TestNoSecretLeaks: a secret gets neither into an argument nor into an error.
func TestNoSecretLeaks(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	h := helper(t,
		`printf '%s\n' "$@" >`+dir+`/args; cat >`+dir+`/in; echo "cannot keep $(cat `+dir+`/in)" >&2; exit 1`)
	err := h.Store(ctx, "host.test", credentials.Credentials{Username: "u", Password: "hunter2"})
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "***") {
		t.Error(err)
	}
	args, _ := os.ReadFile(dir + "/args")
	in, _ := os.ReadFile(dir + "/in")
	if string(args) != "store\n" || !strings.Contains(string(in), "hunter2") {
		t.Errorf("args %q, stdin %q", args, in)
	}
	for _, name := range []string{"", "../x", "a/b", "nosuch"} {
		if _, err := (credentials.Helper{Name: name}).Get(ctx, "x"); err == nil {
			t.Errorf("helper %q answered", name)
		}
	}
	if err := helper(t, `echo "credentials not found in native keychain"; exit 1`).Erase(ctx, "x"); err != nil {
		t.Errorf("erase of nothing: %v", err)
	}
}

// FuzzFile: no content of a configuration file makes Login panic or lose keys that it does not
// know.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", "[]", `{"auths":null}`,
		`{"auths":{"a":{}},"credHelpers":{},"x":[1,2]}`, `{"credsStore":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if strings.Contains(strings.ToLower(string(content)), "creds") || strings.Contains(string(content), `\u`) {
			return // runs no programs
		}
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := credentials.File{Path: path}.Login(context.Background(), "host.test",
			credentials.Credentials{Username: "u", Password: "p"})
		after, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil && string(after) != string(content) {
			t.Errorf("%v, and the file changed to %q", err, after)
		}
		if err == nil && !strings.Contains(string(after), "dTpw") {
			t.Errorf("it is not stored: %q", after)
		}
		if _, err2 := (credentials.File{Path: path}).Logout(context.Background(), "host.test"); err == nil &&
			err2 != nil {
			t.Error(err2)
		}
	})
}
