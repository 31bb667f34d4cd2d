package helper

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/treemount"
)

// The verbs for files below a mount that may hang. Source is the root, which need not be trusted: no
// symbolic link leads out of it.
const (
	VerbBind     = "bind"     // mount the directory Data of Source at Path, which is made
	VerbMkdir    = "mkdir"    // make the directory Path of Source with mode Flags, and its missing parents
	VerbRmdir    = "rmdir"    // remove the empty directory Path of Source
	VerbList     = "list"     // names in the directory Path of Source
	VerbGetxattr = "getxattr" // attribute Type of the directory Path of Source
	VerbSetxattr = "setxattr" // set attribute Type of the directory Path of Source to Data
	VerbAbort    = "abort"    // abort the FUSE connection Path, a minor number (fuse.rst, "Aborting")
)

// files has an operation for each of these verbs.
var files = map[string]func(Request, *Answer) error{
	VerbBind:     func(r Request, _ *Answer) error { return treemount.Bind(r.Source, r.Data, r.Path) },
	VerbMkdir:    mkdir,
	VerbRmdir:    rmdir,
	VerbList:     list,
	VerbGetxattr: getxattr,
	VerbSetxattr: setxattr,
	VerbAbort:    abort,
}

// mkdir does not set the mode of a directory that exists.
func mkdir(r Request, _ *Answer) error {
	root, err := os.OpenRoot(r.Source)
	if err != nil {
		return err
	}
	defer root.Close()
	unix.Umask(0)
	return root.MkdirAll(r.Path, fs.FileMode(r.Flags))
}

func rmdir(r Request, _ *Answer) error {
	parent, err := saferoot.Open(r.Source, path.Dir(path.Join("/", r.Path)), unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer parent.Close()
	return unix.Unlinkat(int(parent.Fd()), path.Base(r.Path), unix.AT_REMOVEDIR)
}

func list(r Request, a *Answer) error {
	return inDirectory(r, func(dir *os.File) (err error) {
		a.Names, err = dir.Readdirnames(-1)
		slices.Sort(a.Names)
		return err
	})
}

func getxattr(r Request, a *Answer) error {
	return inDirectory(r, func(dir *os.File) error {
		value := make([]byte, 1<<16) // the most that the kernel allows, XATTR_SIZE_MAX
		n, err := unix.Fgetxattr(int(dir.Fd()), r.Type, value)
		a.Value = string(value[:max(0, n)])
		return err
	})
}

func setxattr(r Request, _ *Answer) error {
	return inDirectory(r, func(dir *os.File) error {
		return unix.Fsetxattr(int(dir.Fd()), r.Type, []byte(r.Data), 0)
	})
}

// inDirectory opens the directory Path of Source and calls do.
func inDirectory(r Request, do func(dir *os.File) error) error {
	node, err := saferoot.Open(r.Source, path.Join("/", r.Path), unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer node.Close()
	dir, err := saferoot.Use(node)
	if err != nil {
		return err
	}
	defer dir.Close()
	return do(dir)
}

// abort mounts the filesystem that controls FUSE connections in a mount namespace of its own, which
// ends with the helper. All threads of the helper but this one stay in the old namespace.
func abort(r Request, _ *Answer) error {
	const control = "/sys/fs/fuse/connections"
	if _, err := strconv.ParseUint(r.Path, 10, 32); err != nil {
		return unix.EINVAL
	}
	err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
	if err == nil {
		err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	}
	if err == nil {
		err = unix.Mount("fusectl", control, "fusectl", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	if err != nil && !errors.Is(err, unix.EBUSY) { // EBUSY: it is mounted there
		return err
	}
	return os.WriteFile(path.Join(control, r.Path, "abort"), []byte("1"), 0)
}
