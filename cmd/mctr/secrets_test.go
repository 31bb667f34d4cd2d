package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/canary"
)

// secretToken is the secret of these tests.
const secretToken = canary.Value("xyzzy-canary-4711")

// isToken is a script that fails unless the secrets are what they should be. It does not have the secret
// itself, because it is in records.
const isToken = `want=xyzzy-ca; want=${want}nary-4711
	test "$(cat /run/secrets/file)" = $want && test "$(cat /run/secrets/TOKEN)" = $want && test "$VARIABLE" = $want`

// A secretHost is a host whose commands have the secret in their environment.
type secretHost struct {
	*host
	file   string
	output *strings.Builder // of all commands
}

func newSecretHost(h *host) *secretHost {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(secretToken), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.env = append(h.env, "TOKEN="+string(secretToken))
	return &secretHost{host: h, file: file, output: &strings.Builder{}}
}

// flags are those of run that give a container all secrets that isToken wants.
func (h *secretHost) flags(more ...string) []string {
	return slices.Concat([]string{"--secret", "file:" + h.file, "--secret", "env:TOKEN", "--secret",
		"env:TOKEN,type=env,target=VARIABLE"}, more)
}

// run runs mctr and keeps the output.
func (h *secretHost) run(code int, args ...string) result {
	h.t.Helper()
	r := h.want(code, args...)
	fmt.Fprintf(h.output, "%s\n%s\n%s\n", args, r.stdout, r.stderr)
	return r
}

// nowhere fails the test if the secret is in a file but those in memory, in a process, or in an output.
func (h *secretHost) nowhere() {
	h.t.Helper()
	files, err := secretToken.InFiles(h.state+"/secrets", h.root, h.state)
	processes, failed := secretToken.InProcesses()
	if found := slices.Concat(files, processes); err != nil || failed != nil || len(found) > 0 {
		h.t.Errorf("the secret is in %q, %v, %v", found, err, failed)
	}
	if secretToken.In([]byte(h.output.String())) {
		h.t.Errorf("the secret was printed: %s", h.output)
	}
}

// TestSecretsStayInMemory gives containers secrets in every way, and looks for them in every file of ROOT
// and STATE, in every process, and in what the commands print.
func TestSecretsStayInMemory(t *testing.T) {
	for _, by := range []string{"here", "by an agent"} {
		t.Run(by, func(t *testing.T) {
			h := newSecretHost(newHost(t))
			h.want(0, "pull", "-q", h.image)
			var door []string
			if by != "here" {
				h.env = nil
				door = []string{"--agent", h.agent()}
				h.env = []string{"TOKEN=" + string(secretToken)}
			}
			mctr := func(code int, args ...string) result {
				t.Helper()
				return h.run(code, append(slices.Clone(door), args...)...)
			}
			launch := func(verb string, more ...string) []string {
				return slices.Concat([]string{verb}, h.flags(more...))
			}
			h.launches(mctr, launch)
			h.inspects(mctr)
			mctr(0, "rm", "-f", "job", "again", "later", "killed")
			h.nowhere()
		})
	}
}

// launches launches containers that stay, and some that fail.
func (h *secretHost) launches(mctr func(int, ...string) result, launch func(string, ...string) []string) {
	h.t.Helper()
	mctr(0, launch("run", "-q", "-d", "--name", "job", h.image, "sh", "-c", isToken+" && exec sleep 1000")...)
	mctr(0, "exec", "job", "sh", "-c", isToken)
	h.nowhere()
	mctr(0, launch("run", "-q", "-d", "--restart", "on-failure", "--name", "again", h.image, "sh", "-c", isToken+
		" || exit 0; test -e /once && exec sleep 1000; touch /once; exit 1")...)
	h.eventually("it was restarted", func() bool {
		return mctr(0, "inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "again").stdout == "1 running\n"
	})
	h.nowhere()
	mctr(0, launch("create", "--name", "later", h.image, "sh", "-c", isToken)...)
	h.nowhere()
	mctr(0, "start", "-a", "later")
	mctr(0, "start", "-a", "later")
	mctr(137, launch("run", "-q", "--name", "killed", "-m", "16m", h.image, "sh", "-c",
		isToken+" && dd if=/dev/zero of=/dev/shm/x bs=1M count=64")...)
	mctr(125, launch("run", "-q", "--rm", "--secret", "file:/no/such", h.image, "true")...)
	mctr(125, launch("run", "-q", "--rm", "--secret", "env:TOKEN,mode=9", h.image, "true")...)
	mctr(125, launch("run", "-q", "--rm", "-w", "/etc/passwd", h.image, "true")...)
	mctr(127, launch("run", "-q", "--rm", h.image, "nosuch")...)
	mctr(0, launch("run", "-q", "--dry-run", h.image, "true")...)
	group := filepath.Join(h.t.TempDir(), "group.json")
	text := fmt.Sprintf(`{"root":{},"tasks":{"one":{"image":%q,"process":{"args":["sh","-c",%q],"secret_env":`+
		`[{"name":"VARIABLE","source":"env:TOKEN"}]},"volumes":[`+
		`{"type":"secret","source":"env:TOKEN","target":"/run/secrets/TOKEN"},`+
		`{"type":"secret","source":"file:%s","target":"/run/secrets/file"}]}}}`, h.image, isToken, h.file)
	if err := os.WriteFile(group, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	mctr(0, "run", "-q", "--rm", "--group", group)
	h.nowhere()
}

// inspects prints everything about the containers.
func (h *secretHost) inspects(mctr func(int, ...string) result) {
	h.t.Helper()
	mctr(0, "inspect", "job", "again", "later", "killed")
	mctr(0, "events", "--since", "1h", "--no-follow", "--json")
	mctr(0, "ps", "-a", "--no-trunc", "--json")
	mctr(0, "logs", "job")
	bundle := filepath.Join(h.t.TempDir(), "bundle")
	h.run(0, "bundle", "job", bundle)
	if found, err := secretToken.InFiles("", bundle); err != nil || len(found) > 0 {
		h.t.Errorf("the secret is in %q, %v", found, err)
	}
	h.nowhere()
}

// TestSecretsAfterKill kills mctr, or the shim, after every checkpoint of a container with secrets, and
// checks that no value is left, also without a reconcile for a container that exists.
func TestSecretsAfterKill(t *testing.T) {
	first := newHost(t)
	first.want(0, "pull", "-q", first.image)
	for _, point := range append(failpoints(), "keep/volume/secret", "file/volume/secret") {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := newSecretHost(&host{t: t, root: first.root, state: first.state, image: first.image,
				env: []string{"MCTR_FAILPOINTS=" + point + "=kill"}})
			r := h.mctr(slices.Concat([]string{"run"}, h.flags("--name", "crash", h.image, "sh", "-c", isToken))...)
			if r.code == 0 && point != "exited" {
				t.Errorf("nothing was killed: %+v", r)
			}
			h.env = nil
			h.nowhere()
			h.converges()
		})
	}
}

// TestSecretsLost deletes the values, as a reboot does. The start fails with a remedy, the container
// stays, and one with a file only starts.
func TestSecretsLost(t *testing.T) {
	h := newSecretHost(newHost(t))
	h.run(0, "create", "--name", "value", "--secret", "env:TOKEN", h.image, "true")
	h.run(0, "create", "--name", "file", "--secret", "file:"+h.file, h.image, "true")
	if err := unix.Unmount(h.state+"/secrets", 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := h.run(1, "start", "value")
		for _, want := range []string{"is lost, as after a reboot", "create the container anew, or use file:/PATH",
			"--secret", "/run/secrets/TOKEN"} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("the error is %q, want %q", r.stderr, want)
			}
		}
	}
	h.run(0, "start", "-a", "file")
	h.run(0, "rm", "value", "file")
	h.nowhere()
}
