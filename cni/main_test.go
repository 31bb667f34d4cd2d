package cni_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/testns"
)

// TestMain runs the tests on a host of their own, or acts as the CNI plugin called fake.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "fake" {
		fake()
		unix.Exit(0) // at once: the race detector would wait a second
	}
	if os.Getenv("MCTR_TEST_ATTACH") != "" {
		unix.Exit(attachAndDie())
	}
	testns.Main(m)
}

// fake does what "on" in its configuration says for the command, and appends the command to the
// file called "log". It imitates the failures of real plugins. Without a word for the command it
// returns the previous result.
func fake() {
	var conf struct {
		On         map[string]string
		Log        string
		CNIVersion string
		PrevResult json.RawMessage
		Name       string
	}
	stdin, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = json.Unmarshal(stdin, &conf)
	}
	if err != nil {
		fmt.Println(`{"code": 6, "msg": "no configuration"}`)
		unix.Exit(1)
	}
	command := os.Getenv("CNI_COMMAND")
	note(conf.Log, command)
	switch word := conf.On[command]; word {
	case "hang":
		time.Sleep(time.Hour)
	case "slow":
		time.Sleep(time.Second)
	case "crash":
		fmt.Fprintln(os.Stderr, "about to crash")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "refuse":
		fmt.Println(
			`{"cniVersion": "1.0.0", "code": 11, "msg": "the datastore is down", "details": "dial tcp: refused"}`)
		unix.Exit(1)
	case "unready":
		fmt.Println(`{"code": 50, "msg": "no agent here"}`)
		unix.Exit(1)
	case "garbage":
		fmt.Println("<html>502</html>")
		return
	case "flood":
		chunk := make([]byte, 1<<16)
		for range 64 {
			_, _ = os.Stdout.Write(chunk)
		}
		return
	case "":
	default:
		fmt.Println(word) // the answer itself
		return
	}
	if command == "ADD" {
		if conf.PrevResult == nil {
			conf.PrevResult = json.RawMessage(`{"cniVersion": "` + conf.CNIVersion + `"}`)
		}
		fmt.Println(string(conf.PrevResult))
	}
}

func note(log, command string) {
	if log == "" {
		return
	}
	f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = fmt.Fprintln(f, command)
		_ = f.Close()
	}
}
