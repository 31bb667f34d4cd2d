package saferoot

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// maxGroups is the most supplementary groups that a process can have (NGROUPS_MAX, limits.h).
const maxGroups = 65536

// A User is the user and the groups that a process runs as.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary, each once, GID first
	Home     string   // "/" when unknown
}

// Spec returns the user in the form of config.json. The primary group is also a supplementary
// group: otherwise a setgid program in the container could drop it and pass for a user outside the
// group, which may have more rights (CVE-2022-36109).
func (u *User) Spec() specs.User {
	return specs.User{UID: u.UID, GID: u.GID, AdditionalGids: u.Groups}
}

// LookupUser looks up spec ("user" or "user:group", names or numbers) and the additional groups
// added in /etc/passwd and /etc/group below root. A number needs no entry. The error wraps
// mctr.ErrInvalid for an unknown name, and if the user is in more groups than a process can have.
func LookupUser(root, spec string, added []string) (*User, error) {
	of, in, _ := strings.Cut(spec, ":")
	person := newQuery(cmp.Or(of, "0"))
	passwd, err := database(root, "/etc/passwd", person.isUser)
	if err != nil {
		return nil, err
	}
	groups := newQuery(append([]string{in}, added...)...)
	groups.members = person.found
	group, err := database(root, "/etc/group", groups.isGroup)
	if err != nil {
		return nil, err
	}
	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, reader(passwd), reader(group))
	if err != nil {
		return nil, fmt.Errorf("%w: user %q: %w", mctr.ErrInvalid, spec, err)
	}
	more, err := user.GetAdditionalGroups(added, reader(group))
	if err != nil {
		return nil, fmt.Errorf("%w: groups %q: %w", mctr.ErrInvalid, added, err)
	}
	slices.Sort(more) // they come from a map
	u := &User{UID: uint32(found.Uid), GID: uint32(found.Gid), Home: found.Home}
	u.Groups = distinct(slices.Concat([]int{found.Gid}, found.Sgids, more))
	if len(u.Groups) > maxGroups {
		return nil, fmt.Errorf("%w: user %q is in %d groups of /etc/group, but a process can have at most %d",
			mctr.ErrInvalid, spec, len(u.Groups), maxGroups)
	}
	return u, nil
}

// distinct removes duplicates and keeps the order.
func distinct(gids []int) (list []uint32) {
	seen := make(map[int]bool, len(gids))
	for _, gid := range gids {
		if !seen[gid] {
			seen[gid] = true
			list = append(list, uint32(gid))
		}
	}
	return list
}

// database returns the lines of a file for which keep returns true, and nil if the image does not
// have the file.
func database(root, name string, keep func(*entry) bool) ([]byte, error) {
	data, err := ReadFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept := []byte{}
	var e entry
	for line := range bytes.Lines(data) {
		if e.read(line) && keep(&e) {
			kept = append(append(kept, bytes.TrimSpace(line)...), '\n')
		}
	}
	return kept, nil
}

func reader(data []byte) io.Reader {
	if data == nil {
		return nil
	}
	return bytes.NewReader(data)
}
