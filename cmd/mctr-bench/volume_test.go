package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/benchmarks/volume"
)

func volumeReport(t *testing.T, path string) *volume.Report {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &volume.Report{}
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVolume puts volumes of this host through all checks, and writes all output files.
func TestVolume(t *testing.T) {
	clean(t, t.TempDir())
	dir := t.TempDir()
	out, err := exec.Command(program(t), "volume", "-q", "--size", "16m", "--rounds", "1", "--duration", "10ms",
		"--json", dir+"/r.json", "--html", dir+"/r.html", "--svg", dir+"/r.svg").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := volumeReport(t, dir+"/r.json")
	for i, want := range []string{
		"local: written pass restart pass remount pass kill pass agent pass host pass node - writers pass quota - " +
			"expand - snapshot -",
		"sized: written pass restart pass remount pass kill pass agent pass host pass node - writers pass quota pass " +
			"expand pass snapshot -",
	} {
		m := r.Volumes[i]
		got := m.Name + ":"
		for _, result := range m.Results {
			got += " " + result.Check + " " + result.Outcome
		}
		if got != want || m.Failed != "" {
			t.Errorf("got  %s %s\nwant %s", got, m.Failed, want)
		}
		if len(m.Slots) != 1 || m.Slots[0].Volume.Write <= 0 || m.Slots[0].Disk.SyncP50 <= 0 {
			t.Errorf("%s: slots %+v", m.Name, m.Slots)
		}
	}
	for _, want := range []string{"sync p50 us", "the storage belongs to one node"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tables lack %q:\n%s", want, out)
		}
	}
	page, err := os.ReadFile(dir + "/r.html")
	if err != nil || strings.Count(string(page), "<svg") != 4 || regexp.MustCompile(`(src|href)="http`).Match(page) {
		t.Errorf("the page has %d pictures, or needs the network: %v", strings.Count(string(page), "<svg"), err)
	}
	if picture, err := os.ReadFile(dir + "/r.svg"); err != nil || !strings.Contains(string(picture), "<svg") {
		t.Error("no picture", err)
	}
}

// TestVolumeFails: a volume that cannot be made is exit code 1, and in the report.
func TestVolumeFails(t *testing.T) {
	clean(t, t.TempDir())
	file := t.TempDir() + "/r.json"
	out, err := exec.Command(program(t), "volume", "-q", "--volume", "v=nosuchdriver", "--json", file,
		"--html", file+".html").CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(file + ".html"); err != nil || !strings.Contains(string(out), "v: failed: create") {
		t.Errorf("%v\n%s", err, out)
	}
	if r := volumeReport(t, file); len(r.Volumes) != 1 || !strings.Contains(r.Volumes[0].Failed, "nosuchdriver") {
		t.Errorf("%s", out)
	}
}

// TestVolumeInterrupted interrupts a run while a process that it started launches a container.
func TestVolumeInterrupted(t *testing.T) {
	clean(t, t.TempDir())
	cmd := exec.Command(program(t), "volume", "--size", "16m", "--volume", "sized=local,size=16m")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "sized: ... after the agent is killed") {
	}
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended as if nothing had been")
	}
}

// TestVolumeRefuses checks that invalid flags are refused by name before anything is created.
func TestVolumeRefuses(t *testing.T) {
	clean(t, t.TempDir())
	for flags, want := range map[string]string{
		"--volume v": "NAME=DRIVER", "--volume v=local --volume v=csi": "name v", "--volume v=local,size=x": "size",
		"--size 0": "--size", "--size 17g": "size",
		"--rounds -1": "rounds", "--duration 2m": "duration", "--bin /nowhere": "mctr-shim",
		"more": "unknown command",
	} {
		out, err := exec.Command(program(t), append([]string{"volume"}, strings.Fields(flags)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v %s, want %q", flags, err, out, want)
		}
	}
}
