package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// rows interprets text as a terminal does, and returns the text of each row. A line feed moves straight
// down, and a carriage return moves to the first column.
func rows(text string) (rows []string) {
	screen, row, column := [][]rune{nil}, 0, 0
	for _, r := range text {
		switch r {
		case '\r':
			column = 0
		case '\n':
			if row++; row == len(screen) {
				screen = append(screen, nil)
			}
		case '\b':
			column = max(0, column-1)
		default:
			for len(screen[row]) <= column {
				screen[row] = append(screen[row], ' ')
			}
			screen[row][column] = r
			column++
		}
	}
	for _, cells := range screen {
		rows = append(rows, strings.TrimRight(string(cells), " "))
	}
	return rows
}

// below checks that the lines are in consecutive rows and begin in the first column.
func (s *screen) below(lines ...string) {
	s.h.t.Helper()
	s.shows(lines[len(lines)-1])
	got := rows(s.shown())
	at := slices.Index(got, lines[0])
	if at < 0 || at+len(lines) > len(got) || !slices.Equal(got[at:at+len(lines)], lines) {
		s.h.t.Errorf("the screen has the rows %q, want %q among them", got, lines)
	}
}

func TestRows(t *testing.T) {
	for text, want := range map[string][]string{
		"":             {""},
		"a\r\nb":       {"a", "b"},
		"a\nb":         {"a", " b"},
		"abc\rx\r\n":   {"xbc", ""},
		"ab\bc\r\r\nd": {"ac", "d"},
	} {
		if got := rows(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestTerminalLines checks that each line of a container begins in the first column, for every way to
// its terminal and every runtime, and that a program can begin a line in another column.
func TestTerminalLines(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	address := h.agent()
	for _, runtime := range []string{"", "runc", "crun"} {
		var flags []string
		if runtime != "" {
			flags = []string{"--runtime", runtimeFor(t, runtime)}
		}
		for _, agent := range []string{"", address} {
			t.Run(runtime+" by "+agent, func(t *testing.T) {
				h := &host{t: t, root: h.root, state: h.state, image: h.image, env: []string{"MCTR_AGENT=" + agent}}
				h.terminals(flags)
			})
		}
	}
}

// printer writes two lines and then, as full-screen programs do, a line that begins below the end of
// the previous one.
const printer = "echo one; echo two; stty -opost; printf 'do'; printf '\\nwn\\r\\n'; stty opost; echo last"

func (h *host) terminals(flags []string) {
	h.t.Helper()
	want := []string{"one", "two", "do", "  wn", "last"}
	run := append(append([]string{"run", "--network", "none", "-q"}, flags...), "-it")
	s := h.onScreen(append(slices.Clone(run), "--rm", h.image, "sh", "-c", printer)...)
	s.ends(0)
	s.below(want...)
	s = h.onScreen(
		append(slices.Clone(run), "--name", "shell", h.image, "sh", "-c", "read line; "+printer+"; exec sleep 100")...)
	s.raw()
	s.types("\x10\x11")
	s.ends(0)
	s = h.onScreen("attach", "shell")
	s.raw()
	s.types("\r")
	s.below(want...)
	s.types("\x10\x11")
	s.shows("detached")
	s.ends(0)
	s = h.onScreen("exec", "-it", "shell", "sh", "-c", printer)
	s.ends(0)
	s.below(want...)
	h.want(0, "rm", "-f", "shell")
}

// TestTerminalMessages checks that messages of mctr between two runs are on their own lines.
func TestTerminalMessages(t *testing.T) {
	h := newHost(t)
	s := h.onScreen("run", "--network", "none", "-q", "-it", "--name", "again", "--restart", "on-failure:1", h.image,
		"sh", "-c", "echo a; echo b; exit 3")
	s.ends(3)
	var said []string
	for _, row := range rows(s.shown()) {
		if row = strings.TrimSpace(row); row == "a" || row == "b" || strings.HasPrefix(row, "mctr: ") {
			said = append(said, row[:1])
		}
	}
	if !slices.Equal(said, []string{"a", "b", "m", "a", "b"}) {
		t.Errorf("the screen: %q", rows(s.shown()))
	}
	h.want(0, "rm", "again")
}

// TestOCITerminalLines is TestTerminalLines for mctr-oci. As with runc, the terminal of the caller adds
// the carriage returns.
func TestOCITerminalLines(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("echo one; echo two; echo last")
	b.edit(func(s *specs.Spec) { s.Process.Terminal = true })
	s := h.screenOf(b.oci("run", "lines"))
	_ = s.cmd.Wait()
	s.below("one", "two", "last")
}
