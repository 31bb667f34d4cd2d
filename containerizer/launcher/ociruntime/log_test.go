package ociruntime

import (
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// TestVisibleText wants the message to have no effect on a terminal, while logrus may color it.
func TestVisibleText(t *testing.T) {
	const evil = "\x1b]0;owned\a\r\u202eevil"
	for _, colours := range []bool{true, false} {
		f := &visibleText{logrus.TextFormatter{ForceColors: colours, DisableColors: !colours}}
		e := &logrus.Entry{Logger: logrus.StandardLogger(), Level: logrus.ErrorLevel, Message: "exec " + evil,
			Time: time.Now(), Data: logrus.Fields{}}
		line, err := f.Format(e)
		if err != nil || !strings.Contains(string(line), "evil") || strings.ContainsAny(string(line), "\a\r\u202e") ||
			strings.Contains(string(line), "\x1b]") {
			t.Errorf("colours %v: %q, %v", colours, line, err)
		}
	}
}
