package inroot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"

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
	passwd, err := database(root, "/etc/passwd", 2, 3)
	if err != nil {
		return nil, err
	}
	group, err := database(root, "/etc/group", 2)
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

// database reads a file that an image may well not have. Lines whose fields with these
// indices are no ids of the kernel's are left out: they would be read as root's, or
// become it where 32 bits are left of them.
func database(root, name string, ids ...int) ([]byte, error) {
	data, err := ReadFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept := make([]byte, 0, len(data))
	for line := range bytes.Lines(data) {
		if hasIDs(line, ids) {
			kept = append(kept, line...)
		}
	}
	return kept, nil
}

// hasIDs says whether each of these fields of a passwd(5) or group(5) line is a
// number from 0 to 4294967294. The one above means "no change" to setresuid(2).
func hasIDs(line []byte, ids []int) bool {
	fields := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 5)
	for _, i := range ids {
		if i >= len(fields) {
			return false
		}
		if id, err := strconv.ParseUint(string(fields[i]), 10, 32); err != nil || id == math.MaxUint32 {
			return false
		}
	}
	return true
}

func reader(data []byte) io.Reader {
	if data == nil {
		return nil
	}
	return bytes.NewReader(data)
}
