package logs

import (
	"cmp"
	"fmt"

	"github.com/mctr/mctr"
)

// The drivers, each a form of log file.
const (
	DriverCRI      = "cri"       // "TIME stdout|stderr F|P TEXT", one file; the default
	DriverJSONFile = "json-file" // Docker's {"log":..,"stream":..,"time":..}, one file
	DriverRaw      = "raw"       // the bytes, one file a stream
	DriverNone     = "none"      // nothing is kept
)

// What is kept where a Config does not say: more would fill a disk in seconds.
const (
	DefaultMaxSize  = 20 << 20
	DefaultMaxFiles = 5
	Unlimited       = -1 // as MaxSize: one file, of any size
)

// maxFiles bounds MaxFiles: a reader opens all files of a log.
const maxFiles = 1000

// Config says how the output of a container is kept. It converts from
// mctr.LogConfig. The zero Config is driver cri in files of 20 MiB, of
// which the last five are kept.
type Config struct {
	Driver string `json:"driver,omitempty"` // one of the Driver constants; "" is cri
	// bytes a file may have before it is rotated; only a single longer line exceeds it; 0: 20 MiB; -1: no limit
	MaxSize  int64 `json:"max_size,omitempty"`
	MaxFiles int   `json:"max_files,omitempty"` // files kept, the one being written included, 1 to 1000; 0 is 5
}

// Validate refuses settings that are not valid, with an error that wraps mctr.ErrInvalid.
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

// withDefaults is c with its zero values spelt out.
func (c Config) withDefaults() Config {
	c.Driver = cmp.Or(c.Driver, DriverCRI)
	c.MaxSize = cmp.Or(c.MaxSize, DefaultMaxSize)
	c.MaxFiles = cmp.Or(c.MaxFiles, DefaultMaxFiles)
	return c
}

// files names the file of each stream; both are the same where lines carry their stream.
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
