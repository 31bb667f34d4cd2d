package main

import "testing"

// TestPruneAsks checks that prune removes nothing before the user has confirmed.
func TestPruneAsks(t *testing.T) {
	h := newHost(t)
	h.want(0, "create", "--name", "old", h.image, "true")
	for _, answer := range []string{"n", "", "yess", "y"} {
		s := h.onScreen("system", "prune", "-a", "--filter", "until=0s")
		s.shows("all images that no container uses")
		s.shows("[y/N]")
		s.types(answer + "\n")
		s.ends(0)
		left := h.want(0, "ps", "-aq").stdout != ""
		if left != (answer != "y") {
			t.Errorf("answer %q: the container is there: %v", answer, left)
		}
	}
}
