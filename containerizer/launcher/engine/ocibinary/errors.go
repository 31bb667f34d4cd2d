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

// maxLog bounds the bytes that are read of a log, because the runtime may be any program.
const maxLog = 64 << 10

// explain returns an error with the runtime's last log message. It removes the log, so that the
// next run starts an empty one.
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

// lastError returns the message of the last log entry of level error or above. A line that is not
// JSON counts as an error.
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

// classify makes an error wrap a sentinel. A runtime reports a problem with the command only as
// text: runc "exec: ...", crun "executable file ...", "open executable: ..." or "the path ... is
// not a regular file", runsc "error finding executable ...".
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
