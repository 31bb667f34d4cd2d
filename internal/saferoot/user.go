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

// maxGroups is how many supplementary groups the kernel lets a process have
// (NGROUPS_MAX, limits.h).
const maxGroups = 65536

// A User is who a process runs as.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary, each once, GID first
	Home     string   // "/" when unknown
}

// Spec returns the user as config.json has it. The primary group is among the
// supplementary ones: else a setgid program of the container's could drop it and pass
// for a user outside the group, where that allows more (CVE-2022-36109).
func (u *User) Spec() specs.User {
	return specs.User{UID: u.UID, GID: u.GID, AdditionalGids: u.Groups}
}

// LookupUser finds the user that spec ("user", "user:group", names or numbers) means,
// and the supplementary groups added, in root's own /etc/passwd and /etc/group. A
// number needs no entry. The error wraps mctr.ErrInvalid for an unknown name, and for
// more groups than the kernel lets a process have.
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
	slices.Sort(more) // they come out of a map
	u := &User{UID: uint32(found.Uid), GID: uint32(found.Gid), Home: found.Home}
	u.Groups = distinct(slices.Concat([]int{found.Gid}, found.Sgids, more))
	if len(u.Groups) > maxGroups {
		return nil, fmt.Errorf("%w: user %q is in %d groups of /etc/group, and the kernel lets a process have %d",
			mctr.ErrInvalid, spec, len(u.Groups), maxGroups)
	}
	return u, nil
}

// distinct keeps the first of equal ones.
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

// database reads what keep takes of a file that an image may well not have.
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
