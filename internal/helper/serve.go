package helper

import (
	"encoding/json"
	"errors"
	"io"
	"os"

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
		a.Mode, a.Owner = st.Mode, &Owner{st.Uid, st.Gid}
	case VerbStatfs:
		var fs unix.Statfs_t
		err = unix.Statfs(r.Path, &fs)
		a.Total, a.Free = fs.Blocks*uint64(fs.Bsize), fs.Bavail*uint64(fs.Bsize)
	case VerbMount:
		err = unix.Mount(r.Source, r.Path, r.Type, r.Flags, r.Data)
	case VerbUmount:
		err = unix.Unmount(r.Path, int(r.Flags))
	case VerbRead:
		a.Mode, a.Data, err = read(r.Path)
	default:
		if do, ok := files[r.Verb]; ok {
			err = do(r, &a)
			break
		}
		err, a.Unknown = unix.ENOSYS, []string{"verb " + r.Verb}
	}
	errno, ok := errors.AsType[unix.Errno](err)
	if err != nil && !ok {
		errno = unix.EINVAL // package os refused a path before the kernel saw it
	}
	a.Errno = int(errno)
	return a
}

// read returns the mode of a file and, of a regular one, at most MaxRead+1 bytes.
func read(path string) (mode uint32, data []byte, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0) // a pipe or terminal must not block
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return st.Mode, nil, err
	}
	data, err = io.ReadAll(io.LimitReader(f, MaxRead+1))
	return st.Mode, data, err
}
