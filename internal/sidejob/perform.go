package sidejob

import (
	"encoding/json"
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// Serve performs the one request that conn brings. It is the helper's side.
func Serve(conn io.ReadWriter) error {
	var request Request
	if err := json.NewDecoder(conn).Decode(&request); err != nil {
		return err
	}
	answer := perform(request)
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
		err = unix.ENOSYS
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		a.Errno = int(errno)
	}
	return a
}
