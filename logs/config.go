package logs

import (
	"cmp"
	"fmt"

	"github.com/mctr/mctr"
)

// The drivers. Each has its own form of log file.
const (
	DriverCRI      = "cri"       // "TIME stdout|stderr F|P TEXT", one file; the default
	DriverJSONFile = "json-file" // Docker's {"log":..,"stream":..,"time":..}, one file
	DriverRaw      = "raw"       // the bytes, one file for each stream
	DriverNone     = "none"      // nothing is kept
)

// The defaults of Config. A task could fill a disk within seconds if they were unlimited.
const (
	DefaultMaxSize  = 20 << 20
	DefaultMaxFiles = 5
	Unlimited       = -1 // as MaxSize: one file, of any size
)

// maxFiles is the largest MaxFiles: a reader opens all files of a log.
const maxFiles = 1000

// Config configures the log of a container. It converts from mctr.LogConfig. The zero Config is
// driver cri with files of 20 MiB, of which the last five are kept.
type Config struct {
	Driver string `json:"driver,omitempty"` // one of the Driver constants; "" is cri
	// size in bytes at which a file is rotated; only a single longer line exceeds it; 0: 20 MiB;
	// -1: no limit
	MaxSize  int64 `json:"max_size,omitempty"`
	MaxFiles int   `json:"max_files,omitempty"` // files to keep, including the current one, 1 to 1000; 0: 5
}

// Validate returns an error that wraps mctr.ErrInvalid if a setting is not valid.
func (c Config) Validate() error {
	switch c.Driver {
	case "", DriverCRI, DriverJSONFile, DriverRaw, DriverNone:
	default:
		return fmt.Errorf("%w: unknown log driver %q (one of cri, json-file, raw, none)", mctr.ErrInvalid, c.Driver)
	}
	if c.MaxSize < Unlimited {
		return fmt.Errorf("%w: log size limit %d is negative (-1 is no limit)", mctr.ErrInvalid, c.MaxSize)
	}
	if c.MaxFiles < 0 || c.MaxFiles > maxFiles {
		return fmt.Errorf("%w: %d log files, not 1 to %d", mctr.ErrInvalid, c.MaxFiles, maxFiles)
	}
	return nil
}

// withDefaults returns c with defaults in place of zero values.
func (c Config) withDefaults() Config {
	c.Driver = cmp.Or(c.Driver, DriverCRI)
	c.MaxSize = cmp.Or(c.MaxSize, DefaultMaxSize)
	c.MaxFiles = cmp.Or(c.MaxFiles, DefaultMaxFiles)
	return c
}

// files returns the names of the log files with the streams that each holds; both streams share a
// file if its lines name their stream.
func (c Config) files() map[string]Stream {
	switch c.Driver {
	case DriverNone:
		return nil
	case DriverRaw:
		return map[string]Stream{"stdout": Stdout, "stderr": Stderr}
	default:
		return map[string]Stream{"log": Stdout | Stderr}
	}
}
