package inroot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/moby/sys/user"

	"github.com/mctr/mctr"
)

// A User is who a process runs as.
type User struct {
	UID, GID int
	Groups   []int  // supplementary
	Home     string // "/" when unknown
}

// LookupUser finds who spec ("user", "user:group", names or numbers) and the
// supplementary groups added are in root's own /etc/passwd and /etc/group. A
// number needs no entry. The error wraps mctr.ErrInvalid for an unknown name.
func LookupUser(root, spec string, added []string) (*User, error) {
	passwd, err := database(root, "/etc/passwd")
	if err != nil {
		return nil, err
	}
	group, err := database(root, "/etc/group")
	if err != nil {
		return nil, err
	}
	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, reader(passwd), reader(group))
	if err != nil {
		return nil, fmt.Errorf("%w: user %q: %w", mctr.ErrInvalid, spec, err)
	}
	u := &User{UID: found.Uid, GID: found.Gid, Groups: found.Sgids, Home: found.Home}
	if len(added) == 0 {
		return u, nil
	}
	gids, err := user.GetAdditionalGroups(added, reader(group))
	if err != nil {
		return nil, fmt.Errorf("%w: groups %q: %w", mctr.ErrInvalid, added, err)
	}
	u.Groups = append(u.Groups, gids...)
	return u, nil
}

// database reads a file that an image may well not have.
func database(root, name string) ([]byte, error) {
	data, err := ReadFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func reader(data []byte) io.Reader {
	if data == nil {
		return nil
	}
	return bytes.NewReader(data)
}
