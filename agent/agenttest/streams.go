package agenttest

import (
	"bytes"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
)

// copied returns the output of a stream until it ends, and the termination of its process.
func (s *scene) copied(stream *launcher.Stream) (stdout, stderr string, end *mctr.Termination) {
	s.Helper()
	var out, errs bytes.Buffer
	end, err := stream.Copy(s.ctx, &out, &errs, nil)
	s.check(err)
	s.check(stream.Close())
	return out.String(), errs.String(), end
}

// launchStreams checks that the stream of a launch carries all input and output of the process.
func launchStreams(s *scene) {
	config := s.config("sh", "-c", "cat; echo no >&2; exit 3")
	config.Process.Stdin = true
	stream, err := s.Launch(s.ctx, "job", config,
		containerizer.LaunchOptions{Attach: &wire.Attach{Stdin: true, Output: true, Primary: true}})
	s.check(err)
	text := strings.Repeat("a line of text\n", 10_000)
	go func() {
		_, _ = stream.Write([]byte(text))
		_ = stream.CloseStdin()
	}()
	stdout, stderr, end := s.copied(stream)
	if stdout != text || stderr != "no\n" || end == nil || end.ExitCode != 3 {
		s.Errorf("%d bytes, %q, %+v", len(stdout), stderr, end)
	}
	s.wantExit("job", 3)
	s.remove("job")
}

// attaches checks that a client can attach and detach while the container keeps running.
func attaches(s *scene) {
	config := s.config("cat")
	config.Process.Stdin = true
	s.launchConfig("job", config)
	gone, err := s.Attach(s.ctx, "job", wire.Attach{Output: true})
	s.check(err)
	s.check(gone.Close())
	stream, err := s.Attach(s.ctx, "job", wire.Attach{Stdin: true, Output: true})
	s.check(err)
	_, err = stream.Write([]byte("hello\n"))
	s.check(err)
	s.check(stream.CloseStdin())
	if stdout, _, end := s.copied(stream); stdout != "hello\n" || end == nil || end.ExitCode != 0 {
		s.Errorf("%q, %+v", stdout, end)
	}
	s.wantExit("job", 0)
	s.remove("job")
}

func execs(s *scene) {
	s.launch("job", "sleep", "1000")
	stream, err := s.Exec(s.ctx, "job", containerizer.Exec{
		Args: []string{"sh", "-c", `read line; echo "$line $WHO"; pwd >&2; exit 5`}, Env: []string{"WHO=you"},
		WorkingDir: "/tmp", Stdin: true,
	})
	s.check(err)
	if stream.Pid == 0 {
		s.Log("the stream does not have the process id")
	}
	_, err = stream.Write([]byte("hello\n"))
	s.check(err)
	if stdout, stderr, end := s.copied(stream); stdout != "hello you\n" || stderr != "/tmp\n" || end == nil ||
		end.ExitCode != 5 {
		s.Errorf("%q, %q, %+v", stdout, stderr, end)
	}
	detached, err := s.Exec(s.ctx, "job",
		containerizer.Exec{Args: []string{"sh", "-c", "echo x > /tmp/detached"}, Detach: true})
	s.check(err)
	s.check(detached.Close())
	s.eventually("a detached command runs", func() bool {
		_, err := s.StatPath(s.ctx, "job", "/tmp/detached", containerizer.CopyOptions{})
		return err == nil
	})
	signalled, err := s.Exec(s.ctx, "job", containerizer.Exec{Args: []string{"sleep", "1000"}})
	s.check(err)
	s.check(signalled.Signal(unix.SIGTERM))
	if _, _, end := s.copied(signalled); end == nil || end.Signal != int(unix.SIGTERM) {
		s.Errorf("%+v", end)
	}
	s.remove("job")
}

// execEndsWithStream checks that closing its stream kills a command, but not the container.
func execEndsWithStream(s *scene) {
	s.launch("job", "sleep", "1000")
	stream, err := s.Exec(s.ctx, "job", containerizer.Exec{Args: []string{"sleep", "2000"}})
	s.check(err)
	runs := func() bool {
		table, err := s.Processes(s.ctx, "job", "-o", "args=")
		return err == nil && strings.Contains(string(table), "sleep 2000")
	}
	s.eventually("the command runs", runs)
	s.check(stream.Close())
	s.eventually("the command ends", func() bool { return !runs() })
	s.wantPhase("job", mctr.Running)
	s.remove("job")
}

// output returns the log of a container so far.
func (s *scene) output(id mctr.ContainerID) string {
	s.Helper()
	var text strings.Builder
	err := s.Logs(s.ctx, id, logs.ReadOptions{Tail: -1}, func(e logs.Entry) error {
		text.Write(e.Text)
		text.WriteString("\n")
		return nil
	})
	s.check(err)
	return text.String()
}

// readsLogs checks the stream and time of lines, reading only the last lines, and following a log
// until the container exits.
func readsLogs(s *scene) {
	began := time.Now().Add(-time.Second)
	s.launch("job", "sh", "-c", "echo one; echo two >&2; sleep 0.3; echo three")
	var lines []string
	err := s.Logs(s.ctx, "job", logs.ReadOptions{Tail: -1, Follow: true, Since: began}, func(e logs.Entry) error {
		if e.Time.Before(began) || (e.Stream == logs.Stderr) != (string(e.Text) == "two") {
			s.Errorf("%+v", e)
		}
		lines = append(lines, string(e.Text))
		return nil
	})
	if text := strings.Join(lines, " "); err != nil || text != "one two three" && text != "two one three" {
		s.Errorf("%q, %v", text, err)
	}
	s.wantExit("job", 0)
	last := 0
	s.check(s.Logs(s.ctx, "job", logs.ReadOptions{Tail: 1}, func(e logs.Entry) error {
		last++
		if string(e.Text) != "three" {
			s.Errorf("the last line is %q", e.Text)
		}
		return nil
	}))
	if last != 1 {
		s.Errorf("%d last lines", last)
	}
	s.remove("job")
}
