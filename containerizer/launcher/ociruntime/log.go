package ociruntime

import (
	"fmt"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/mctr/mctr/internal/visible"
)

// openLog makes logrus, which libcontainer uses too, write to the log of the flags.
func (r *runtime) openLog() error {
	if r.debug {
		logrus.SetLevel(logrus.DebugLevel)
	}
	switch r.logFormat {
	case "", "text":
		logrus.SetFormatter(&visibleText{})
	case "json":
		logrus.SetFormatter(&logrus.JSONFormatter{})
	default:
		return fmt.Errorf("--log-format %s: want text or json", r.logFormat)
	}
	if r.log == "" {
		return nil
	}
	f, err := os.OpenFile(r.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_SYNC, 0o644)
	if err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	logrus.SetOutput(f)
	return nil
}

// visibleText is logrus's text format, which may color a terminal, with escape sequences in the
// message made visible.
type visibleText struct{ logrus.TextFormatter }

func (t *visibleText) Format(e *logrus.Entry) ([]byte, error) {
	e.Message = visible.Text(e.Message)
	return t.TextFormatter.Format(e)
}

// fail logs err, and prints it to stderr too if the log is another file.
func (r *runtime) fail(code int, err error) int {
	logrus.Error(err)
	if logrus.StandardLogger().Out != os.Stderr {
		fmt.Fprintln(visible.Writer(os.Stderr), err)
	}
	return code
}
