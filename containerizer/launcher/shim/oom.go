package shim

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// oomEvidence returns what the container's memory cgroup says about OOM kills and the limit behind
// them, or nil if the kernel killed nothing. It must be called while the cgroup exists.
func oomEvidence(cgroups map[string]string) *mctr.OOM {
	controller, v2 := "memory", cgroup.Unified()
	if v2 {
		controller = ""
	}
	dir := cgroups[controller]
	if dir == "" {
		return nil
	}
	events, limit, peak := "memory.events", "memory.max", "memory.peak"
	if !v2 {
		events, limit, peak = "memory.oom_control", "memory.limit_in_bytes", "memory.max_usage_in_bytes"
	}
	kills := readKeyed(filepath.Join(dir, events), "oom_kill")
	if kills < 1 {
		return nil
	}
	return &mctr.OOM{
		Kills:  kills,
		Limit:  leastLimit(dir, limit),
		Peak:   readNumber(filepath.Join(dir, peak), 0),
		Victim: oomVictim(strings.TrimPrefix(dir, cgroup.Roots()[controller])),
	}
}

// leastLimit returns the limit that the container reached: its own or that of the cgroup above it,
// whichever is lower. -1 means that neither has a limit, so the host ran out of memory.
func leastLimit(dir, file string) int64 {
	least := int64(-1)
	for _, group := range []string{dir, filepath.Dir(dir)} {
		const unlimited = 1 << 62 // cgroup v1 shows a huge number for no limit
		if n := readNumber(filepath.Join(group, file), -1); n >= 0 && n < unlimited && (least < 0 || n < least) {
			least = n
		}
	}
	return least
}

// exitedByOOM reports whether the container exited because of the OOM killer. The OOM killer killed
// init, or a child whose status init passes on as its own. If a client sent SIGKILL too, the
// kernel's log must name init as the victim.
func exitedByOOM(t *mctr.Termination, init int, asked bool) bool {
	const killed = int(unix.SIGKILL)
	if t.OOM == nil || t.ExitCode != 128+killed {
		return false
	}
	byClient := asked && t.Signal == killed
	return !byClient || strings.HasSuffix(t.OOM.Victim, fmt.Sprintf(" (%d)", init))
}

func oomLimitation(o *mctr.OOM) mctr.Limitation {
	return mctr.Limitation{
		Reason: mctr.ReasonOOM,
		Message: fmt.Sprintf("killed by the OOM killer: limit %d bytes, peak %d, %d processes killed, victim %s",
			o.Limit, o.Peak, o.Kills, o.Victim),
		Resource: "memory", Limit: o.Limit, Used: o.Peak,
	}
}

// readKeyed returns the value of key in a flat keyed cgroup file, or 0 if it is missing.
func readKeyed(path, key string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if k, v, _ := strings.Cut(strings.TrimSpace(line), " "); k == key {
			n, _ := strconv.ParseInt(v, 10, 64)
			return n
		}
	}
	return 0
}

// readNumber returns the value of a file with a single number, or otherwise if the file is missing
// or says "max".
func readNumber(path string, otherwise int64) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return otherwise
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

// oomVictim returns the newest victim of a cgroup in the kernel's log: mm/oom_kill.c writes a line
// with cgroup, task and pid. It returns "unknown" if the log cannot be read or the line was
// overwritten.
func oomVictim(group string) string {
	const unknown = "unknown"
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return unknown
	}
	defer unix.Close(fd)
	victim, record := unknown, make([]byte, 8192)
	// the kernel may log as fast as this loop reads
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); {
		n, err := unix.Read(fd, record)
		if errors.Is(err, unix.EPIPE) {
			continue // the record was overwritten; the next read returns a newer one
		}
		if err != nil || n == 0 {
			return victim
		}
		if name, ok := parseVictim(record[:n], group); ok {
			victim = name
		}
	}
	return victim
}

// parseVictim parses one record of /dev/kmsg. group is the path of the cgroup below the root of its
// hierarchy, as the kernel prints it. The name of the victim is the only text that a container
// chooses: it may look like other fields, and is what stands between the fields around it.
func parseVictim(record []byte, group string) (string, bool) {
	line, _, _ := bytes.Cut(record, []byte("\n"))
	_, text, found := strings.Cut(string(line), ";oom-kill:")
	if !found {
		return "", false
	}
	_, text, found = strings.Cut(text, ",task_memcg="+group+",task=")
	uid := strings.LastIndex(text, ",uid=")
	if !found || uid < 0 {
		return "", false
	}
	pid := strings.LastIndex(text[:uid], ",pid=")
	if pid < 0 {
		return "", false
	}
	return fmt.Sprintf("%s (%s)", text[:pid], text[pid+len(",pid="):uid]), true
}
