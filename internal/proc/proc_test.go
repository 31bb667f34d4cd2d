package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSelf(t *testing.T) {
	start, err := StartTime(os.Getpid())
	if err != nil || start == 0 {
		t.Fatalf("StartTime: %d, %v", start, err)
	}
	if !Is(os.Getpid(), start) || Is(os.Getpid(), start+1) {
		t.Errorf("Is does not tell this process by its start time %d", start)
	}
	if name := Command(os.Getpid()); !strings.HasPrefix(name, "proc.test") {
		t.Errorf("Command: %q", name)
	}
}

// TestLife follows a child with a confusing name from its start until it is a zombie and then
// reaped.
func TestLife(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a) R 1 (b")
	data, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o755); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(name, "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid := child.Process.Pid
	start, err := StartTime(pid)
	if own, ownErr := StartTime(os.Getpid()); err != nil || ownErr != nil || start < own {
		t.Errorf("the child began at %d (%v), its parent at %d (%v)", start, err, own, ownErr)
	}
	if !Is(pid, start) || Command(pid) != "a) R 1 (b" {
		t.Errorf("the child is %q, itself: %t", Command(pid), Is(pid, start))
	}
	if Ending(pid) {
		t.Error("the child ends by itself")
	}
	if executed, err := Executed(pid); err != nil || !executed {
		t.Errorf("the child has executed its program: %v, %v", executed, err)
	}
	_ = child.Process.Kill()
	for deadline := time.Now().Add(10 * time.Second); !Ending(pid); { // see Ending
		if time.Now().After(deadline) {
			t.Fatal("the child does not end of a SIGKILL")
		}
	}
	for { // a zombie
		if fields, err := stat(pid); err != nil || string(fields[0]) == "Z" {
			break
		}
	}
	if Is(pid, start) {
		t.Error("a zombie still is the process")
	}
	_ = child.Wait() // killed, it says
	if Is(pid, start) || Command(pid) != "" || !Ending(pid) {
		t.Error("Is is true for a reaped process")
	}
	if _, err := StartTime(pid); err == nil {
		t.Error("a reaped process has a start time")
	}
	if _, err := Executed(pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reaped process: %v", err)
	}
}

// TestExecuted recognises a process that was only forked: a subshell, which prints its pid.
func TestExecuted(t *testing.T) {
	shell := exec.Command("sh", "-c", "(read -r pid rest </proc/self/stat; echo $pid; read -r end); :")
	stdin, inErr := shell.StdinPipe()
	stdout, outErr := shell.StdoutPipe()
	if err := errors.Join(inErr, outErr, shell.Start()); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(stdout, &pid); err != nil || pid == shell.Process.Pid {
		t.Fatalf("the subshell is %d, the shell %d: %v", pid, shell.Process.Pid, err)
	}
	if executed, err := Executed(pid); err != nil || executed {
		t.Errorf("a forked process has executed a program: %v, %v", executed, err)
	}
	if err := errors.Join(stdin.Close(), shell.Wait()); err != nil {
		t.Error(err)
	}
}
