package helper

import (
	"encoding/json"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/fields"
)

// Serve reads one request from conn and performs it, if it understands all of it. It is the
// helper's side.
func Serve(conn io.ReadWriter) error {
	var data json.RawMessage
	if err := json.NewDecoder(conn).Decode(&data); err != nil {
		return err
	}
	var request Request
	err := fields.Decode(data, &request)
	answer := Answer{Errno: int(unix.ENOSYS)}
	if unknown, ok := errors.AsType[fields.Unknown](err); ok {
		answer.Unknown = unknown
	} else if err != nil {
		return err
	} else {
		answer = perform(request)
	}
	return json.NewEncoder(conn).Encode(answer)
}

func perform(r Request) (a Answer) {
	var err error
	switch r.Verb {
	case VerbProbe:
		var st unix.Stat_t
		err = unix.Stat(r.Path, &st)
		a.Mode = st.Mode
	case VerbStatfs:
		var fs unix.Statfs_t
		err = unix.Statfs(r.Path, &fs)
		a.Total, a.Free = fs.Blocks*uint64(fs.Bsize), fs.Bavail*uint64(fs.Bsize)
	case VerbMount:
		err = unix.Mount(r.Source, r.Path, r.Type, r.Flags, r.Data)
	case VerbUmount:
		err = unix.Unmount(r.Path, int(r.Flags))
	default:
		if do, ok := files[r.Verb]; ok {
			err = do(r, &a)
			break
		}
		err, a.Unknown = unix.ENOSYS, []string{"verb " + r.Verb}
	}
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		a.Errno = int(errno)
	} else if err != nil {
		a.Errno = int(unix.EINVAL) // package os refused a path before the kernel saw it
	}
	return a
}
