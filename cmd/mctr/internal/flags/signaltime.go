package flags

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// Words completes a flag to one of the words.
func Words(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// ParseSignal reads a signal's name or number: TERM, SIGTERM or 15.
func ParseSignal(s string) (unix.Signal, error) {
	number, err := signal.ParseSignal(s)
	if err != nil {
		return 0, fmt.Errorf("%w: signal %s: %w", mctr.ErrInvalid, s, err)
	}
	return number, nil
}

// ParseTime reads a time in one of docker's forms. "" is the zero time.
func ParseTime(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, ok := parseEpoch(s); ok { // before durations, because 0 is one, too
		return t, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s %s: want RFC 3339, seconds since 1970, or a duration such as 10m",
		mctr.ErrInvalid, flag, s)
}

// parseEpoch reads SECONDS[.FRACTION] with nanoseconds, for which a float64 is not precise enough.
func parseEpoch(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	nanos, nanosErr := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	if err != nil || nanosErr != nil || strings.Trim(fraction, "0123456789") != "" || seconds < 0 ||
		seconds > maxEpoch {
		return time.Time{}, false
	}
	return time.Unix(seconds, int64(nanos)), true
}

// maxEpoch is the end of the year 9999. RFC 3339 has no form for later times.
const maxEpoch = 253402300799
