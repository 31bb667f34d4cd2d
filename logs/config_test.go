package logs

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
)

func TestValidate(t *testing.T) {
	for _, c := range []Config{{}, {Driver: DriverRaw, MaxSize: 1, MaxFiles: 1000}, {Driver: DriverNone},
		{MaxSize: Unlimited}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []Config{{Driver: "syslog"}, {MaxSize: -2}, {MaxFiles: -1}, {MaxFiles: 1001}} {
		if err := c.Validate(); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%+v: %v, want ErrInvalid", c, err)
		}
		if _, err := Open(t.TempDir(), c); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("open %+v: %v, want ErrInvalid", c, err)
		}
	}
}

func TestConvertsFromTheContainersConfig(t *testing.T) {
	if c := Config(mctr.LogConfig{Driver: DriverRaw, MaxSize: 3, MaxFiles: 2}); c.MaxSize != 3 {
		t.Errorf("got %+v", c)
	}
}
