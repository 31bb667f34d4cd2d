package mctr_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mctr/mctr"
)

func TestParseRestartPolicy(t *testing.T) {
	for s, want := range map[string]mctr.RestartPolicy{
		"": {}, "no": {Name: "no"}, "always": {Name: "always"}, "on-failure": {Name: "on-failure"},
		"on-failure:3":   {Name: "on-failure", Max: 3},
		"unless-stopped": {Name: "unless-stopped"},
	} {
		if got, err := mctr.ParseRestartPolicy(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"sometimes", "always:3", "on-failure:", "on-failure:-1", "on-failure:x",
		"on-failure:99999999999"} {
		if _, err := mctr.ParseRestartPolicy(s); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestRestartPolicyNext(t *testing.T) {
	good, bad := &mctr.Termination{Reason: mctr.ReasonExited}, &mctr.Termination{Reason: mctr.ReasonExited, ExitCode: 1}
	destroyed := &mctr.Termination{Reason: mctr.ReasonDestroyed, ExitCode: 137}
	unhealthy := &mctr.Termination{}
	unhealthy.SetCause(mctr.Limitation{Reason: mctr.ReasonUnhealthy, Resource: "health"})
	for _, c := range []struct {
		policy string
		end    *mctr.Termination
		streak int
		after  time.Duration
		again  bool
	}{
		{"no", bad, 0, 0, false},
		{"on-failure", good, 0, 0, false},
		{"on-failure", bad, 0, 100 * time.Millisecond, true},
		{"on-failure", bad, 3, 800 * time.Millisecond, true},
		{"on-failure", bad, 1000, time.Minute, true},
		{"on-failure", unhealthy, 0, 100 * time.Millisecond, true},
		{"on-failure:2", bad, 1, 200 * time.Millisecond, true},
		{"on-failure:2", bad, 2, 0, false},
		{"always", good, 0, 100 * time.Millisecond, true},
		{"always", destroyed, 0, 0, false},
	} {
		p, err := mctr.ParseRestartPolicy(c.policy)
		if err != nil {
			t.Fatal(err)
		}
		if after, again := p.Next(c.end, c.streak); after != c.after || again != c.again {
			t.Errorf("%s after %+v, %d in a row: %v, %t", c.policy, c.end, c.streak, after, again)
		}
	}
	long := &mctr.Termination{Started: time.Unix(0, 0), Finished: time.Unix(11, 0)}
	if n := (mctr.RestartPolicy{}).Streak(long, 7); n != 0 {
		t.Errorf("after one that ran for long the streak is %d", n)
	}
}
