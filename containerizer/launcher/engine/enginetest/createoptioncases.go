package enginetest

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// descriptors wants init and a further process to have further descriptors.
func descriptors(b *bench) {
	stdio, out := b.stdio(false)
	stdio.Extra = []*os.File{stdio.Stdin, stdio.Stdout}
	c := b.startWith(spec(sh("echo init >&4; busybox ls /proc/$$/fd; sleep 100")), engine.Options{Stdio: stdio})
	b.reads(out, "init\n0\n1\n2\n3\n4\n")
	p, err := c.Exec(sh("echo further >&4"), stdio)
	closeStdio(stdio)
	if err != nil {
		b.Fatal(err)
	}
	b.reads(out, "further\n")
	b.ends(p, engine.WaitStatus{})
	b.kill(c)
}

// prepares wants Options.Prepare to run before init exists. An error of Prepare must end the
// container, and what it created must be removed with the container.
func prepares(b *bench) {
	stdio, out := b.stdio(false)
	defer closeStdio(stdio)
	refused := errors.New("refused")
	fails := func(string) error { return refused }
	if _, err := b.tryWith(spec(sh("exit 0")), engine.Options{Stdio: stdio, Prepare: fails}); !errors.Is(err, refused) {
		b.Errorf("an error of Prepare came as %v", err)
	}
	b.wantNothing()
	s := spec(sh("cat /tmp/made"))
	source := filepath.Join(b.root, id, "prepared")
	mount("/tmp", specs.Mount{Type: "bind", Source: source, Options: []string{"bind"}})(b, s)
	c := b.startWith(s, engine.Options{Stdio: stdio, Prepare: func(records string) error {
		dir := filepath.Join(records, "prepared")
		return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "made"), []byte("before"), 0o600))
	}})
	b.ends(c.Init(), engine.WaitStatus{})
	closeStdio(stdio)
	if text, err := io.ReadAll(out); err != nil || string(text) != "before" {
		b.Errorf("the container shows %q, %v", text, err)
	}
	b.delete(c)
}

// withoutPivot checks the root of a container that was created with NoPivot, and with NoNewKeyring.
func withoutPivot(b *bench) {
	stdio, out := b.stdio(false)
	c := b.startWith(spec(sh("busybox ls /")), engine.Options{Stdio: stdio, NoPivot: true, NoNewKeyring: true})
	closeStdio(stdio)
	if text, err := io.ReadAll(out); err != nil || string(text) != "bin\ndev\netc\nproc\ntmp\n" {
		b.Errorf("the container shows %q, %v", text, err)
	}
	b.ends(c.Init(), engine.WaitStatus{})
	b.delete(c)
}

// pidfds wants the engine to send a pidfd of the process to the caller's socket before the command
// is executed.
func pidfds(b *bench) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	stdio, _ := b.stdio(false)
	stdio.PidfdSocket = theirs
	c, err := b.tryWith(spec(sh("sleep 100")), engine.Options{Stdio: stdio})
	closeStdio(stdio)
	_ = theirs.Close()
	if err != nil {
		b.Fatal(err)
	}
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(ours.Fd()), make([]byte, 64), oob, unix.MSG_CMSG_CLOEXEC)
	messages, _ := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		b.Errorf("no pidfd came: %v", err)
	} else if fds, err := unix.ParseUnixRights(&messages[0]); err != nil ||
		unix.PidfdSendSignal(fds[0], unix.SIGKILL, nil, 0) != nil || unix.Close(fds[0]) != nil {
		b.Errorf("the pidfd does not signal: %v", err)
	}
	b.ends(c.Init(), engine.WaitStatus{Code: 137, Signal: 9})
	b.delete(c)
}
