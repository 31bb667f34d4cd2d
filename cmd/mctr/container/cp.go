package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/tarfs"
)

func cpCommand(h *hostapi.Host) *cobra.Command {
	o := copyFlags{}
	cmd := &cobra.Command{
		Use:   "cp [flags] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
		Short: "Copy files between a container and the host",
		Long: `Copy files and directories between a container and the host, with the rules of docker.
A path in a container starts at the container's root, and links are resolved inside it.
In a running container, cp sees the files that the container sees. In a container that is
not running, cp sees its files and volumes; mounts that exist only while it is running,
such as a tmpfs, are refused.

If DEST_PATH exists, a directory is copied into it; otherwise the copy gets that name.
SRC_PATH/. stands for the content of a directory. A file cannot replace a directory, nor a
directory a file. The path - stands for a tar stream: on stdin, to be unpacked into the
directory DEST_PATH, or on stdout.

Files copied to a container belong to its root user and lose set-user-ID bits of other
owners. Files copied to the host belong to the caller and lose set-user-ID and
set-group-ID bits and capabilities; devices are left out. --archive keeps all of these. A
tar stream contains everything unchanged. Filesystems of the kernel below SRC_PATH, such
as /proc and /sys, are left out.`,
		Example: `  mctr cp web:/var/log/nginx ./logs
  mctr cp ./site/. web:/usr/share/nginx/html
  mctr cp web:/etc - | tar tv`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completePaths(h),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := cmd.Context(), func() {}
			if args[1] != "-" { // a copy to stdout has nothing to undo, so that a signal may kill it
				ctx, stop = session.Interruptible(ctx)
			}
			defer stop()
			return cp(ctx, h, args[0], args[1], o)
		},
	}
	cmd.Flags().BoolVarP(&o.archive, "archive", "a", false,
		"keep owners (uid and gid) and, on the host, set-user-ID bits, capabilities and devices")
	cmd.Flags().BoolVarP(&o.follow, "follow-link", "L", false, "if SRC_PATH is a symbolic link, copy its target")
	cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "print no message (none is printed without a terminal)")
	return cmd
}

type copyFlags struct{ archive, follow, quiet bool }

// An endpoint is one side of a copy: a path in a container, or on the host.
type endpoint struct{ container, path string }

// splitEndpoint reads CONTAINER:PATH. An argument that is absolute or starts with a dot is a path on
// the host, even if it has a colon.
func splitEndpoint(arg string) endpoint {
	container, file, ok := strings.Cut(arg, ":")
	if !ok || path.IsAbs(arg) || strings.HasPrefix(container, ".") {
		return endpoint{path: arg}
	}
	return endpoint{container, file}
}

func cp(ctx context.Context, h *hostapi.Host, from, to string, o copyFlags) error {
	src, dst := splitEndpoint(from), splitEndpoint(to)
	switch {
	case src.path == "" || dst.path == "":
		return fmt.Errorf("%w: source and destination must not be empty", mctr.ErrInvalid)
	case src.container != "" && dst.container != "":
		return fmt.Errorf("%w: copying between containers is not supported: copy to the host first, or pipe one cp "+
			"with - into another", mctr.ErrInvalid)
	case src.container == "" && dst.container == "":
		return fmt.Errorf("%w: one of the paths must be CONTAINER:PATH", mctr.ErrInvalid)
	}
	c, err := h.APIForChange(ctx)
	if err != nil {
		return err
	}
	id, err := c.Resolve(ctx, src.container+dst.container)
	if err != nil {
		return err
	}
	one := copying{c: c, id: id, flags: o}
	if src.container != "" {
		err = one.copyOut(ctx, src.path, dst.path)
	} else {
		err = one.copyIn(ctx, src.path, dst.path)
	}
	if err == nil && !o.quiet && from != "-" && to != "-" && format.IsTerminal(os.Stderr) {
		fmt.Fprintf(os.Stderr, "Successfully copied %s to %s\n", units.HumanSize(float64(one.bytes)), to)
	}
	return err
}

// copying is the state of one copy.
type copying struct {
	c     agent.Containers
	id    mctr.ContainerID
	flags copyFlags
	bytes int64
}

func (x *copying) options(name string) containerizer.CopyOptions {
	return containerizer.CopyOptions{Name: name, FollowLink: x.flags.follow, Archive: x.flags.archive}
}

// copyOut copies from the container to the host.
func (x *copying) copyOut(ctx context.Context, src, dst string) error {
	if dst == "-" {
		return session.ToStdout("a tar stream", func(w io.Writer) error {
			return x.c.CopyFrom(ctx, x.id, src, w, x.options(""))
		})
	}
	src = "/" + strings.TrimLeft(src, "/")
	stat, err := x.c.StatPath(ctx, x.id, src, x.options(""))
	if err != nil {
		return err
	}
	target, err := statHostTarget(dst)
	if err != nil {
		return err
	}
	dir, name, err := resolveTarget(sourceOf(src, stat.IsDir()), target)
	if err != nil {
		return err
	}
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer root.Close()
	left := leftOut{}
	own := tarfs.Options{Owner: x.flags.archive, UID: os.Geteuid(), GID: os.Getegid(), Harmless: !x.flags.archive,
		LeftOut: left.add}
	err = x.stream(
		func(w io.Writer) error { return x.c.CopyFrom(ctx, x.id, src, w, x.options(name)) },
		func(r io.Reader) error { return tarfs.Unpack(ctx, root, ".", r, own) })
	left.say(os.Stderr)
	return err
}

// leftOut collects the names of files that a copy to the host leaves out.
type leftOut struct {
	first []string
	count int
}

func (l *leftOut) add(name string) {
	if l.count++; len(l.first) < 5 {
		l.first = append(l.first, fmt.Sprintf("%.100q", name))
	}
}

func (l *leftOut) say(w io.Writer) {
	if l.count == 0 {
		return
	}
	more := ""
	if n := l.count - len(l.first); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	fmt.Fprintf(w, "mctr: warning: devices are left out: %s%s (--archive copies them)\n", strings.Join(l.first, ", "),
		more)
}

// copyIn copies from the host to the container.
func (x *copying) copyIn(ctx context.Context, src, dst string) error {
	target, err := x.statContainerTarget(ctx, dst)
	if err != nil {
		return err
	}
	if src == "-" {
		if !target.isDir {
			return fmt.Errorf("%w: the destination %s must be a directory", mctr.ErrInvalid, dst)
		}
		return x.c.CopyTo(ctx, x.id, target.path, session.Stdin(ctx), x.options(""))
	}
	if src, err = hostPath(src); err != nil {
		return err
	}
	flags := unix.O_PATH
	if !x.flags.follow { // a slash at the end of src follows a link, too
		flags |= unix.O_NOFOLLOW
	}
	node, err := os.OpenFile(src, flags, 0)
	if err != nil {
		return err
	}
	defer node.Close()
	info, err := node.Stat()
	if err != nil {
		return err
	}
	dir, name, err := resolveTarget(sourceOf(src, info.IsDir()), target)
	if err != nil {
		return err
	}
	return x.stream(
		func(w io.Writer) error { return tarfs.Pack(ctx, node, name, w) },
		func(r io.Reader) error { return x.c.CopyTo(ctx, x.id, dir, r, x.options("")) })
}

var errReaderEnded = errors.New("the reader ended")

// stream connects the writer of a tar stream with its reader, and returns the first error.
func (x *copying) stream(write func(io.Writer) error, read func(io.Reader) error) error {
	r, w := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := session.Buffered(counting{w, &x.bytes}, write)
		_ = w.CloseWithError(err) // never fails
		wrote <- err
	}()
	err := read(r)
	_ = r.CloseWithError(errReaderEnded)
	if writeErr := <-wrote; writeErr != nil && !errors.Is(writeErr, errReaderEnded) {
		return writeErr
	}
	return err
}

// counting counts the bytes that are written.
type counting struct {
	io.Writer
	n *int64
}

func (c counting) Write(b []byte) (int, error) {
	*c.n += int64(len(b))
	return c.Writer.Write(b)
}

// completePaths completes the names of containers, and otherwise files of the host.
func completePaths(h *hostapi.Host) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		names, directive := h.CompleteContainers(cmd, args, typed)
		if directive == cobra.ShellCompDirectiveError || strings.Contains(typed, ":") || len(args) > 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var words []cobra.Completion
		for _, name := range names {
			if typed != "" && strings.HasPrefix(name, typed) {
				words = append(words, name+":")
			}
		}
		if len(words) == 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return words, cobra.ShellCompDirectiveNoSpace
	}
}
