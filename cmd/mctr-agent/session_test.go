package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr/agent/api"
)

// TestSessionTakesItsOwnAlong checks that background processes of a session are killed when the session
// ends, however it ends, and that no other process of the parent is.
func TestSessionTakesItsOwnAlong(t *testing.T) {
	h := newHost(t)
	h.call(200, api.LaunchContainer,
		api.Launch{ContainerID: id("task"), Container: h.in(),
			Command: &api.CommandInfo{Value: "sleep 1111 & touch /tmp/mark; sleep 2222"}}, nil)
	h.eventually("the parent is up", func() bool { return h.look("cat /tmp/mark && echo up") == "up\n" })
	background := "sleep 3333 & setsid sleep 5555 & (sleep 6666 & sleep 7777) & sleep 0.3; echo begun; "
	lives := func() (left []string) {
		ps := h.look("ps")
		for _, n := range []string{"3333", "5555", "6666", "7777"} {
			if strings.Contains(ps, "sleep "+n) {
				left = append(left, n)
			}
		}
		return left
	}
	for name, end := range map[string]func(s *stream, session string){
		"its client goes": func(s *stream, _ string) { _ = s.body.Close() },
		"it is killed": func(_ *stream, session string) {
			h.call(200, api.KillNestedContainer, api.Kill{ContainerID: id(session)}, nil)
		},
	} {
		session := "task." + strings.ReplaceAll(name, " ", "-")
		s := h.session(session, background+"sleep 8888")
		if first, err := s.next(); err != nil || first != "STDOUT begun\n" {
			t.Fatal(name, first, err)
		}
		if left := lives(); len(left) != 4 {
			t.Fatalf("%s: of its own run %q", name, left)
		}
		end(s, session)
		h.wait(session)
		h.eventually(name+": its own have ended", func() bool { return len(lives()) == 0 })
	}
	s := h.session("task.ends", "sleep 3333 >/dev/null 2>&1 & echo begun; sleep 0.2; exit 3")
	s.text(t)
	if end := h.wait("task.ends"); end.ExitStatus != 3<<8 {
		t.Errorf("it ended with %+v", end)
	}
	if left := lives(); len(left) > 0 {
		t.Errorf("after its own end: %q", left)
	}
	if ps := h.look("ps"); !strings.Contains(ps, "sleep 1111") || !strings.Contains(ps, "sleep 2222") {
		t.Errorf("the parent's own: %s", ps)
	}
	h.remove("task")
}

// TestSessionOfAnotherParent checks that the id of a session is free after its parent was removed, and
// that the termination has the time of its end.
func TestSessionOfAnotherParent(t *testing.T) {
	h := newHost(t)
	before := time.Now().Add(-time.Second)
	for range 2 {
		h.launch("task", "sleep 100")
		gone := h.session("task.one", "echo begun; sleep 100")
		if first, err := gone.next(); err != nil || first != "STDOUT begun\n" {
			t.Fatal(first, err)
		}
		_ = gone.body.Close()
		end := h.wait("task.one")
		if end.Mctr == nil || end.Mctr.Finished.Before(before) || end.Mctr.Started.Before(before) ||
			end.Mctr.Finished.Before(end.Mctr.Started) {
			t.Errorf("the end is %+v", end.Mctr)
		}
		h.call(409, api.LaunchNestedContainerSession,
			api.LaunchNested{ContainerID: id("task.one"), Command: sh("true")}, nil)
		h.remove("task")
	}
}
