package ps_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/ps"
)

func TestOf(t *testing.T) {
	out, err := ps.Table(t.Context(), []int{os.Getpid()}, "-o", "pid,ppid")
	want := strconv.Itoa(os.Getpid()) + " "
	if err != nil || !strings.Contains(string(out), want) || strings.Count(string(out), "\n") != 2 {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := ps.Table(t.Context(), []int{os.Getpid()}); err != nil || !strings.Contains(string(out), "PPID") {
		t.Errorf("without options: %q, %v", out, err)
	}
	if _, err := ps.Table(t.Context(), []int{os.Getpid()}, "--nonsense"); err == nil ||
		!strings.Contains(err.Error(), "option") || strings.Contains(err.Error(), "\n") {
		t.Errorf("bad options: %v", err)
	}
}
