package mctr_test

import (
	"go/scanner"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// flagText finds what looks like a flag of a command line.
var flagText = regexp.MustCompile(`--[a-z][a-z-]*`)

// library are the parts of the tree whose texts are for embedders and for clients of the
// operator API too: they name fields of the config, and cmd/mctr prints its flags for these.
var library = []string{"agent", "isolators", "containerizer", "provisioner", "cni", "logs", "csi", "gpu", "fetcher"}

// commandLine is the part of the library whose flags are its own.
const commandLine = "containerizer/launcher/ociruntime/"

// flagsOfOthers are those of other programs, which the library runs.
var flagsOfOthers = []struct {
	part  string
	flags []string
	why   string
}{
	{"cni/calico", []string{"--filename", "--output", "--all-namespaces", "--namespace", "--config",
		"--allow-version-mismatch"}, "calicoctl's"},
	{"containerizer/launcher/engine/ocibinary", []string{"--version", "--resources", "--detach", "--process", "--force",
		"--bundle", "--root", "--log", "--log-format", "--pid-file", "--console-socket", "--preserve-fds", "--no-pivot",
		"--no-new-keyring", "--systemd-cgroup"}, "runc's command line"},
}

// TestNoFlagsInTexts reads the string literals of the library.
func TestNoFlagsInTexts(t *testing.T) {
	used := map[string]bool{}
	for _, file := range sources(t) {
		part, _, below := strings.Cut(file, "/")
		if strings.HasSuffix(file, "_test.go") || below && !slices.Contains(library, part) ||
			strings.HasPrefix(file, commandLine) {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range literals(source) {
			for _, flag := range flagText.FindAllString(text, -1) {
				if by := programOf(file, flag); by != "" {
					used[by+flag] = true
					continue
				}
				t.Errorf("%s: %s names the flag %s, want the path of the config's field", file, text, flag)
			}
		}
	}
	for _, others := range flagsOfOthers {
		for _, flag := range others.flags {
			if !used[others.part+flag] {
				t.Errorf("%s does not name %s, which is allowed as %s", others.part, flag, others.why)
			}
		}
	}
}

// programOf returns the part of the tree whose program has the flag, "" for none.
func programOf(file, flag string) string {
	for _, others := range flagsOfOthers {
		if strings.HasPrefix(file, others.part+"/") && slices.Contains(others.flags, flag) {
			return others.part
		}
	}
	return ""
}

// literals returns the string literals of a Go file.
func literals(source []byte) (texts []string) {
	file := token.NewFileSet().AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	for {
		switch _, kind, text := s.Scan(); kind {
		case token.EOF:
			return texts
		case token.STRING:
			texts = append(texts, text)
		}
	}
}
