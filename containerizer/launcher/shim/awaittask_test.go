package shim

import "testing"

// TestBecame has the process go on between any two looks at it.
func TestBecame(t *testing.T) {
	type state struct {
		ending  bool
		command string
	}
	engine, task := state{command: "runc:[2:INIT]"}, state{command: "true"}
	crashed, done := state{true, engine.command}, state{true, task.command}
	for name, c := range map[string]struct {
		states []state // one a look, the last for good
		became bool
	}{
		"task":                  {[]state{task}, true},
		"soon":                  {[]state{engine, engine, engine, task}, true},
		"over in a moment":      {[]state{engine, done}, true},
		"over in two moments":   {[]state{engine, engine, done}, true},
		"over at once":          {[]state{done}, true},
		"crashed":               {[]state{crashed}, false},
		"crashed in a moment":   {[]state{engine, crashed}, false},
		"crashed in two":        {[]state{engine, engine, crashed}, false},
		"became it, then ended": {[]state{engine, engine, task, done}, true},
	} {
		t.Run(name, func(t *testing.T) {
			look := func() state {
				now := c.states[0]
				if len(c.states) > 1 {
					c.states = c.states[1:]
				}
				return now
			}
			if got := became(func() bool { return look().ending }, func() string { return look().command }); got != c.became {
				t.Errorf("became %t", got)
			}
		})
	}
}
