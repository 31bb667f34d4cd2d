package main

import (
	"os/exec"
	"runtime"
	"strings"

	"github.com/mctr/mctr/benchmarks/compare"
)

// A host has the facts of the host on which figures depend.
type host struct {
	Kernel    string   `json:"kernel"`
	Cores     int      `json:"cores"`
	Cgroups   string   `json:"cgroups"`
	Load      string   `json:"load_before"`
	LoadAfter string   `json:"load_after"`
	Versions  []string `json:"versions"`
}

func hostFacts() host {
	h := host{Kernel: compare.Kernel(), Cores: runtime.NumCPU(), Cgroups: compare.Cgroups(),
		Load: compare.LoadAverage(), Versions: []string{runtime.Version()}}
	for _, tool := range []string{"runc", "crun", "conmon"} {
		h.Versions = append(h.Versions, version(tool))
	}
	return h
}

// version returns the first line of tool --version.
func version(tool string) string {
	out, err := exec.Command(tool, "--version").Output()
	if err != nil {
		return tool + ": " + err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.Replace(line, " version", "", 1)
}
