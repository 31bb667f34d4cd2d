package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLacking(t *testing.T) {
	of := func(runtime, version string) string {
		for _, r := range knownRuntimes {
			if r.name == runtime {
				return strings.Join(lacking(r.fixes, version), " ")
			}
		}
		return "unknown"
	}
	for _, c := range []struct{ runtime, version, first string }{
		{"runc", "1.1.5+ds1", "CVE-2024-21626"},
		{"runc", "1.1.12", "CVE-2025-31133"},
		{"runc", "1.1.99", "CVE-2025-31133"},
		{"runc", "1.2.8", "CVE-2026-41579"},
		{"runc", "1.3.6", "CVE-2026-119101"},
		{"runc", "1.4.0", "CVE-2026-41579"},
		{"runc", "1.5.2", "CVE-2026-119101"},
		{"runc", "1.3.7", ""}, {"runc", "1.4.4", ""}, {"runc", "1.5.3", ""}, {"runc", "1.6.0-rc.1", ""},
		{"runc", "2.0", ""},
		{"runc", "unknown", "CVE-2024-21626"}, {"runc", "", "CVE-2024-21626"},
		{"crun", "1.8.1", "CVE-2026-47766"}, {"crun", "1.27", "CVE-2026-47766"}, {"crun", "1.28", ""},
		{"crun", "1.29.1", ""},
	} {
		if got := of(c.runtime, c.version); !strings.HasPrefix(got, c.first) || c.first == "" && got != "" {
			t.Errorf("%s %s lacks %q, want %q first", c.runtime, c.version, got, c.first)
		}
	}
}

// TestRuntimes: an old runtime is reported with the fixes that it lacks, and so is one that does
// not report its version.
func TestRuntimes(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{"runc": "echo runc version 1.1.5+ds1; echo spec: 1.0.2-dev",
		"crun": "echo what"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	found := runtimes(Host{})
	if f := found[0]; f.State != Missing || !strings.Contains(f.Detail, "1.1.5+ds1") ||
		!strings.Contains(f.Detail, "CVE-2026-41579") || f.Remedy == "" {
		t.Errorf("runc: %+v", f)
	}
	if f := found[1]; f.State != Missing || !strings.Contains(f.Detail, "no version") {
		t.Errorf("crun: %+v", f)
	}
}
