package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inherited prints what a process has inherited: the umask, limits, ignored and blocked signals,
// niceness, environment, and the directories that were created for it.
const inherited = `umask; ulimit -c; ulimit -f; ulimit -n; ulimit -t; ulimit -v; ulimit -l; ulimit -s; grep -E '^(SigIgn|SigBlk)' /proc/self/status; cut -d' ' -f19 /proc/self/stat; ls /proc/self/fd | wc -l; env | grep -v -E '^(HOSTNAME|MESOS|HOME|PWD|SHLVL|_|OLDPWD|TERM)=' | sort`

// strange is a caller with unusual values for all of this. It runs a command.
const strange = `umask 077; ulimit -S -c 0; ulimit -S -f 100000; ulimit -S -n 64; ulimit -S -t 500; ulimit -S -l 64; ulimit -S -s 4096; cd "$STRANGE"
exec 7>"$STRANGE/leaked" 8<&7; export PATH=/usr/bin:/bin STRANGE=1
exec env --block-signal=TERM --block-signal=USR1 --ignore-signal=HUP --ignore-signal=TTIN --ignore-signal=PIPE nice -n 5 "$0" "$@"`

// strangely returns a command of mctr with such a caller.
func (h *host) strangely(args ...string) *exec.Cmd {
	h.t.Helper()
	cmd := h.command(args...)
	cmd.Path, cmd.Args = "/bin/bash", append([]string{"bash", "-c", strange, cmd.Path}, cmd.Args[1:]...)
	cmd.Env = append(cmd.Env, "STRANGE="+h.t.TempDir())
	return cmd
}

// TestInherited checks that containers, execs and probes inherit nothing from a strange caller: they and
// the created directories are the same as with a normal caller.
func TestInherited(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	if err := os.Chmod(filepath.Dir(filepath.Dir(h.root)), 0o711); err != nil { // for the sandbox of the user nobody
		t.Fatal(err)
	}
	volume := filepath.Join(t.TempDir(), "made", "volume")
	script := inherited +
		`; stat -c '%a %n' /v /w /w/here /t/deep /t /sys/fs/cgroup / /mnt /mnt/mesos /mnt/mesos/sandbox /proc/self/cwd/.`
	run := []string{"run", "--network", "none", "-q", "--rm", "-v", volume + ":/v", "-w", "/w/here", "--tmpfs",
		"/t/deep"}
	of := map[bool]string{}
	for _, odd := range []bool{false, true} {
		start := h.command
		if odd {
			start = h.strangely
		}
		ran := h.finish(start(append(run, h.image, "sh", "-c", script)...))
		if ran.code != 0 {
			t.Fatalf("run: %+v", ran)
		}
		volumeMode(t, volume)
		probe := "{ " + inherited + "; } >/new && mv /new /probed"
		if r := h.finish(
			start("run", "--network", "none", "-q", "-d", "--name", "box", "--health-cmd", probe, "--health-interval",
				"100ms", h.image, "sleep", "100")); r.code != 0 {
			t.Fatalf("run -d: %+v", r)
		}
		exec := h.finish(start("exec", "box", "sh", "-c", inherited))
		h.eventually("it is probed", func() bool { return h.mctr("exec", "box", "test", "-e", "/probed").code == 0 })
		probed := h.want(0, "exec", "box", "cat", "/probed")
		h.want(0, "rm", "-f", "box")
		bare := h.finish(
			start("run", "--network", "none", "--rm", "-q", "--no-image", "-u", "65534", "sh", "-c",
				"cd $MESOS_SANDBOX && touch file && umask"))
		of[odd] = strings.Join([]string{ran.stdout, exec.stdout, probed.stdout, bare.stdout, bare.stderr}, "--\n")
	}
	if diff := cmp.Diff(of[false], of[true]); diff != "" {
		t.Errorf("of a plain caller (-) and a strange one (+):\n%s", diff)
	}
	for _, want := range []string{"^0022\n", "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n",
		"\n755 /w\n755 /w/here\n"} {
		if !regexp.MustCompile(want).MatchString(of[true]) {
			t.Errorf("%q is not in:\n%s", want, of[true])
		}
	}
}

// volumeMode checks that the directory that was created for a volume, and its parent, are accessible.
func volumeMode(t *testing.T, volume string) {
	t.Helper()
	for _, dir := range []string{volume, filepath.Dir(volume)} {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
	if err := os.RemoveAll(filepath.Dir(volume)); err != nil {
		t.Fatal(err)
	}
}

// TestInheritedByPlugins checks that a bridge works for a caller whose PATH lacks the sbin directories,
// and that the plugins inherit nothing else.
func TestInheritedByPlugins(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	dir := t.TempDir()
	plugins := filepath.Join(filepath.Dir(program(t)), "cni")
	entries, err := os.ReadDir(plugins)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(plugins, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	said := filepath.Join(t.TempDir(), "said")
	script := "#!/bin/sh\n[ \"$CNI_COMMAND\" != ADD ] || { pwd; " + strings.ReplaceAll(inherited, "|sort", "") +
		"; } >'" + said + "'\nexec '" + filepath.Join(plugins, "firewall") + "'\n"
	if err := errors.Join(os.Remove(filepath.Join(dir, "firewall")),
		os.WriteFile(filepath.Join(dir, "firewall"), []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	of := map[bool]string{}
	ids := regexp.MustCompile(`(?m)^CNI_.*$`)
	for _, odd := range []bool{false, true} {
		start := h.command
		if odd {
			start = h.strangely
		}
		r := h.finish(
			start("--cni-plugin-dir", dir, "run", "--rm", "-q", "--network", "bridge", "-p", "18123:80", h.image,
				"busybox", "ip", "-o", "address"))
		if r.code != 0 || !strings.Contains(r.stdout, "eth0") {
			t.Errorf("strange %v: %+v", odd, r)
		}
		text, err := os.ReadFile(said)
		if err != nil {
			t.Fatal(err)
		}
		of[odd] = ids.ReplaceAllString(string(text), "CNI")
	}
	if diff := cmp.Diff(of[false], of[true]); diff != "" || !strings.HasPrefix(of[true], "/\n0022\n") {
		t.Errorf("of a plain caller (-) and a strange one (+):\n%s\n%s", diff, of[true])
	}
}
