package ocibinary

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// maxLog bounds in bytes what is read of a runtime's log: it may be any program.
const maxLog = 64 << 10

// explain makes an error of what the runtime logged. The log is removed, so that
// the next run begins an empty one.
func (c *container) explain(verb string, exit *exec.ExitError, log string) error {
	text := lastError(readSome(log))
	_ = os.Remove(log)
	name := filepath.Base(c.path)
	if text == "" {
		return fmt.Errorf("%s %s: %w", name, verb, exit)
	}
	if hasAny(strings.ToLower(text), "unknown command", "no help topic for", "unrecognized subcommand") {
		return &mctr.UnsupportedError{Feature: verb + " with config.runtime " + name, Why: text}
	}
	return classify(fmt.Errorf("%s %s: %s", name, verb, text), text)
}

func readSome(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data := make([]byte, maxLog)
	n, _ := f.Read(data)
	return data[:n]
}

// lastError is the message of the last entry that tells of an error, and where
// the program does not log JSON its last line.
func lastError(log []byte) string {
	var last string
	for line := range strings.Lines(string(log)) {
		line = strings.TrimSpace(line)
		var entry struct{ Level, Msg string }
		if json.Unmarshal([]byte(line), &entry) != nil {
			entry.Level, entry.Msg = "error", line
		}
		if entry.Msg != "" && (entry.Level == "error" || entry.Level == "fatal" || entry.Level == "panic") {
			last = entry.Msg
		}
	}
	return last
}

// classify gives the error the identity that callers ask for. What runtimes say
// of a command is text only: runc "exec: ...", crun "executable file ...", "open
// executable: ..." or "the path ... is not a regular file", runsc "error finding
// executable ...".
func classify(err error, text string) error {
	text = strings.ToLower(text)
	executable := hasAny(text, "exec: ", "executable") ||
		strings.HasPrefix(text, "the path `") && strings.Contains(text, "is not a regular file")
	switch {
	case executable && hasAny(text, "not found", "no such file or directory"):
		return fmt.Errorf("%w: %w", mctr.ErrCommandNotFound, err)
	case executable &&
		hasAny(text, "permission denied", "operation not permitted", "is a directory", "not a regular file",
			"exec format error"):
		return fmt.Errorf("%w: %w", mctr.ErrCommandInvoke, err)
	case strings.Contains(text, "does not exist") && strings.Contains(text, "container"):
		return fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	}
	return err
}

func hasAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}
