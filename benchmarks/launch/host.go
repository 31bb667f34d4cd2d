package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
)

// A host is what figures depend on.
type host struct {
	Kernel    string   `json:"kernel"`
	Cores     int      `json:"cores"`
	Cgroups   string   `json:"cgroups"`
	Load      string   `json:"load_before"`
	LoadAfter string   `json:"load_after"`
	Versions  []string `json:"versions"`
}

func hostFacts() host {
	h := host{Cores: runtime.NumCPU(), Cgroups: "v1", Load: load(), Versions: []string{runtime.Version()}}
	if cgroup.Unified() {
		h.Cgroups = "v2"
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		h.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	for _, tool := range []string{"runc", "crun", "conmon"} {
		h.Versions = append(h.Versions, version(tool))
	}
	return h
}

// load is the load average of 1, 5 and 15 minutes.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(data))[:3], " ")
}

// version is the first line of what tool says of itself.
func version(tool string) string {
	out, err := exec.Command(tool, "--version").Output()
	if err != nil {
		return tool + ": " + err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.Replace(line, " version", "", 1)
}
