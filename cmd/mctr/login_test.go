package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/imagetest"
)

// helperScript is a credential helper that stores secrets in files in $HELPER_DIR.
const helperScript = `#!/bin/sh
[ "$#" = 1 ] || exit 9
key() { tr -c 'a-zA-Z0-9' _; }
case $1 in
store) read -r json; server=$(printf %s "$json" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/'); printf %s "$json" >"$HELPER_DIR/$(printf %s "$server" | key)" ;;
get) f="$HELPER_DIR/$(key)"; [ -e "$f" ] || { echo "credentials not found in native keychain"; exit 1; }; cat "$f" ;;
erase) rm "$HELPER_DIR/$(key)" ;;
esac
`

// desk is the environment of a user: a home with a docker configuration, and helpers in PATH.
type desk struct {
	*host
	home   string
	server *imagetest.Registry
}

func newDesk(t *testing.T, bearer bool) *desk {
	t.Helper()
	h := newHostIn(t, filepath.Join(t.TempDir(), "root"), filepath.Join(t.TempDir(), "state"), "")
	d := &desk{host: h, home: t.TempDir(), server: guarded(t, bearer)}
	d.env = []string{"HOME=" + d.home, "DOCKER_CONFIG=", "REGISTRY_AUTH_FILE=", "XDG_RUNTIME_DIR=" + t.TempDir(),
		"XDG_CONFIG_HOME=" + t.TempDir(), "HELPER_DIR=" + d.path("secrets"),
		"PATH=" + d.path("bin") + ":" + os.Getenv("PATH")}
	for _, dir := range []string{"bin", "secrets", ".docker"} {
		if err := os.Mkdir(d.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.write("bin/docker-credential-test", helperScript, 0o755)
	return d
}

// guarded returns a registry that requires a password.
func guarded(t *testing.T, bearer bool) *imagetest.Registry {
	return imagetest.NewRegistry(t, func(r *imagetest.Registry) { r.Basic, r.Bearer = "me:pa:ss wörd", bearer })
}

func (d *desk) path(name string) string { return filepath.Join(d.home, name) }

func (d *desk) write(name, text string, mode os.FileMode) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), mode); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) config() (keys map[string]json.RawMessage, auths map[string]map[string]any) {
	d.t.Helper()
	data, err := os.ReadFile(d.path(".docker/config.json"))
	if err == nil {
		err = json.Unmarshal(data, &keys)
	}
	if err == nil && keys["auths"] != nil {
		err = json.Unmarshal(keys["auths"], &auths)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return keys, auths
}

func (d *desk) login(password string, args ...string) result {
	d.t.Helper()
	cmd := d.command(append([]string{"login", "--password-stdin"}, args...)...)
	cmd.Stdin = strings.NewReader(password)
	return d.finish(cmd)
}

// TestLogin checks that login verifies the password with the registry and keeps other content of the
// file, and that a pull works after login but not after logout.
func TestLogin(t *testing.T) {
	for name, bearer := range map[string]bool{"basic": false, "bearer": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, bearer)
			server := d.server.Host()
			d.write(".docker/config.json",
				`{"psFormat": "x", "n": 12345678901234567890, "auths": {"other.test": {"auth": "b3RoZXI6eA==", "extra": 1}}}`, 0o644)
			ref := d.server.Push(t, "private", "v1", imagetest.Simple(t, "x"))
			d.want(1, "pull", "-q", ref)
			if r := d.login("wrong\n", "-u", "me", server); r.code != 1 ||
				!strings.Contains(r.stderr, "incorrect username or password") {
				t.Errorf("a wrong password: %+v", r)
			}
			if _, auths := d.config(); len(auths) != 1 {
				t.Errorf("stored after a refusal: %v", auths)
			}
			r := d.login("pa:ss wörd\r\n", "-u", "me", "http://"+server+"/v2/")
			if r.code != 0 || r.stdout != "Login Succeeded\n" || !strings.Contains(r.stderr, "stored unencrypted") {
				t.Fatalf("%+v", r)
			}
			keys, auths := d.config()
			if want := base64.StdEncoding.EncodeToString([]byte("me:pa:ss wörd")); auths[server]["auth"] != want {
				t.Errorf("stored %v", auths)
			}
			if string(keys["n"]) != "12345678901234567890" || string(keys["psFormat"]) != `"x"` ||
				!strings.Contains(string(keys["auths"]), `"extra": 1`) {
				t.Errorf("other keys: %s", keys)
			}
			if info, err := os.Stat(d.path(".docker/config.json")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			d.want(0, "pull", "-q", ref)
			if r := d.want(0, "login", server); !strings.Contains(r.stderr, "existing credentials") ||
				!strings.Contains(r.stdout, "Login Succeeded") {
				t.Errorf("again: %+v", r)
			}
			if r := d.want(0, "logout", server); r.stdout != "Removing login credentials for "+server+"\n" {
				t.Errorf("%+v", r)
			}
			if _, auths := d.config(); len(auths) != 1 {
				t.Errorf("after logout: %v", auths)
			}
			d.want(1, "pull", "-q", ref)
			if r := d.want(0, "logout", server); !strings.Contains(r.stdout, "Not logged in") {
				t.Errorf("again: %+v", r)
			}
			if list := entries(d.path(".docker")); len(list) != 1 {
				t.Errorf("left: %q", list)
			}
		})
	}
}

// TestLoginWithHelper checks that the helper for a registry, or for all registries, stores the secret,
// and that the file does not have it.
func TestLoginWithHelper(t *testing.T) {
	d := newDesk(t, false)
	server := d.server.Host()
	ref := d.server.Push(t, "private", "v1", imagetest.Simple(t, "x"))
	for _, config := range []string{`{"credsStore": "test"}`,
		`{"credsStore": "nosuch", "credHelpers": {"` + server + `": "test"}}`} {
		d.write(".docker/config.json", config, 0o600)
		d.want(1, "pull", "-q", ref)
		if r := d.login("pa:ss wörd", "-u", "me", server); r.code != 0 || strings.Contains(r.stderr, "WARNING") {
			t.Fatalf("%+v", r)
		}
		if _, auths := d.config(); len(auths[server]) != 0 || len(entries(d.path("secrets"))) != 1 {
			t.Errorf("the file has %v, the helper %q", auths, entries(d.path("secrets")))
		}
		d.want(0, "pull", "-q", ref)
		d.want(0, "rmi", ref)
		d.want(0, "logout", server)
		if list := entries(d.path("secrets")); len(list) > 0 {
			t.Errorf("the helper still has %q", list)
		}
		d.want(0, "logout", server)
	}
}

// TestBadHelpers checks that a broken helper causes an error, in time, that names the helper and has no
// secret.
func TestBadHelpers(t *testing.T) {
	d := newDesk(t, false)
	server := d.server.Host()
	ref := d.server.Push(t, "private", "v1", imagetest.Simple(t, "x"))
	for name, h := range map[string]struct{ script, err string }{
		"garbage": {"#!/bin/sh\necho garbage", "docker-credential-bad"},
		"huge":    {"#!/bin/sh\nyes x", "more than"},
		"fails":   {"#!/bin/sh\necho '{\"Secret\": \"hunter2\"}'; cat >&2; exit 1", "exit status 1"},
		"nothing": {"#!/bin/sh\n", "docker-credential-bad"},
		"killed":  {"#!/bin/sh\nkill -9 $$", "killed"},
	} {
		d.write("bin/docker-credential-bad", h.script, 0o755)
		d.write(".docker/config.json", `{"credsStore": "bad"}`, 0o600)
		if r := d.want(1, "pull", "-q", ref); !strings.Contains(r.stderr, h.err) ||
			strings.Contains(r.stderr, "hunter2") {
			t.Errorf("%s: pull: %s", name, r.stderr)
		}
		r := d.login("pa:ss wörd", "-u", "me", server)
		if strings.Contains(r.stderr, "pa:ss") {
			t.Errorf("%s: the password is in the error: %s", name, r.stderr)
		}
		if name == "fails" && (r.code != 1 || !strings.Contains(r.stderr, "***")) {
			t.Errorf("%s: login: %+v", name, r)
		}
	}
	for _, config := range []string{`{"credsStore": "../../bin/sh"}`, `{"credsStore": "nosuch"}`, `{"credsStore": 7}`,
		`{`, `[]`} {
		d.write(".docker/config.json", config, 0o600)
		if r := d.login("pa:ss wörd", "-u", "me", server); r.code != 1 || !strings.Contains(r.stderr, "config.json") {
			t.Errorf("%s: %+v", config, r)
		}
		if data, _ := os.ReadFile(d.path(".docker/config.json")); string(data) != config {
			t.Errorf("%s became %s", config, data)
		}
	}
}

// TestLoginTwiceAtOnce checks that two concurrent logins are both stored.
func TestLoginTwiceAtOnce(t *testing.T) {
	d := newDesk(t, false)
	others := []*imagetest.Registry{d.server, guarded(t, false), guarded(t, false), guarded(t, false)}
	for n, r := range d.together(len(others), func(i int) []string {
		return []string{"login", "-u", "me", "-p", "pa:ss wörd", others[i].Host()}
	}) {
		if r.code != 0 || !strings.Contains(r.stderr, "insecure") {
			t.Errorf("%d: %+v", n, r)
		}
	}
	if _, auths := d.config(); len(auths) != len(others) {
		t.Errorf("%v", auths)
	}
}

// TestLoginElsewhere checks the environment variables for the file, and that a link to it stays a link.
func TestLoginElsewhere(t *testing.T) {
	d := newDesk(t, false)
	d.write("real.json", "", 0o600)
	if err := os.Symlink("../real.json", d.path(".docker/config.json")); err != nil {
		t.Fatal(err)
	}
	d.login("pa:ss wörd", "-u", "me", d.server.Host())
	if info, err := os.Lstat(d.path(".docker/config.json")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, auths := d.config(); len(auths) != 1 {
		t.Errorf("%v", auths)
	}
	d.env = append(d.env, "REGISTRY_AUTH_FILE="+d.path("new/auth.json"))
	if r := d.login("pa:ss wörd", "-u", "me", d.server.Host()); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if _, err := os.Stat(d.path("new/auth.json")); err != nil {
		t.Error(err)
	}
	if r := d.want(0, "logout", d.server.Host()); !strings.Contains(r.stderr, "config.json") {
		t.Errorf("%+v", r)
	}
}

// TestLoginOnTerminal checks that login asks for the password without echo, and restores the terminal.
func TestLoginOnTerminal(t *testing.T) {
	d := newDesk(t, true)
	for _, interrupted := range []bool{true, false} {
		cmd := d.command("login", d.server.Host())
		s := d.screenOf(cmd)
		s.shows("Username: ")
		s.types("me\n")
		s.shows("Password: ")
		d.eventually("no echo", func() bool { return s.termios().Lflag&unix.ECHO == 0 })
		if interrupted {
			if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
		} else {
			s.types("pa:ss wörd\n")
			s.shows("Login Succeeded")
		}
		_ = cmd.Wait()
		if strings.Contains(s.shown(), "pa:ss") {
			t.Errorf("the password was shown: %q", s.shown())
		}
		if s.termios() != s.before {
			t.Errorf("interrupted %v: the terminal is not as it was", interrupted)
		}
	}
}

func TestLoginRefuses(t *testing.T) {
	d := newDesk(t, false)
	for _, bad := range []struct {
		args []string
		err  string
	}{
		{[]string{"-u", "me", "-p", "x", "--password-stdin"}, "both"},
		{[]string{"--password-stdin"}, "requires --username"},
		{[]string{"-u", "me"}, "terminal"},
		{[]string{"-p", "x"}, "terminal"},
		{[]string{"-u", "me", "-p", ""}, "empty"},
		{[]string{"-u", "me", "-p", "x", "UPPER CASE"}, "registry"},
		{[]string{"-u", "me", "-p", "x", "127.0.0.1:1"}, "refused"},
		{[]string{"a", "b"}, "arg"},
	} {
		if r := d.want(1, append([]string{"login"}, bad.args...)...); !strings.Contains(r.stderr, bad.err) {
			t.Errorf("%q: %s", bad.args, r.stderr)
		}
	}
	if list := entries(d.path(".docker")); len(list) > 0 {
		t.Errorf("written: %q", list)
	}
}
