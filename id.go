package mctr

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// maxIDLength leaves room for a suffix in a 255-byte file name (Mesos: 242).
const maxIDLength = 242

// A ContainerID names a container for life. A nested container's id is its
// parent's, a dot and its own part: "root.child". Parts are letters, digits,
// '-' and '_' and start with a letter or digit.
type ContainerID string

// NewID returns a random root id of 64 hex digits, like docker's.
func NewID() ContainerID {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand documents that this never fails
	return ContainerID(hex.EncodeToString(b[:]))
}

// Validate returns an error that wraps ErrInvalid unless id can be used as a
// file name and in the kernel's names.
func (id ContainerID) Validate() error {
	if len(id) > maxIDLength {
		return fmt.Errorf("%w: container id is %d bytes long, at most %d are allowed", ErrInvalid, len(id), maxIDLength)
	}
	for part := range strings.SplitSeq(string(id), ".") {
		if !validPart(part) {
			return fmt.Errorf("%w: container id %q: each part must be [a-zA-Z0-9][a-zA-Z0-9_-]*", ErrInvalid,
				string(id))
		}
	}
	return nil
}

// Parent returns the id of the container that id is nested in, "" for a root.
func (id ContainerID) Parent() ContainerID {
	i := strings.LastIndexByte(string(id), '.')
	if i < 0 {
		return ""
	}
	return id[:i]
}

// Task returns the id of a task of the group whose root is id.
func (id ContainerID) Task(name string) ContainerID { return id + "." + ContainerID(name) }

// Root returns the id of the outermost container of id, which may be id itself.
func (id ContainerID) Root() ContainerID {
	root, _, _ := strings.Cut(string(id), ".")
	return ContainerID(root)
}

// Hash returns 16 hex digits that stand for id where the kernel limits a name's length.
func (id ContainerID) Hash() string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// Interface returns the name of a network interface for the container: prefix and as many digits of
// the hash as the kernel allows (15 bytes, IFNAMSIZ). prefix has at most 7 bytes, so that the name is
// unique to the container.
func (id ContainerID) Interface(prefix string) string {
	const longest = 15
	return prefix + id.Hash()[:min(16, longest-min(len(prefix), 7))]
}

// Short returns the form for listings: the first 12 characters of each part.
func (id ContainerID) Short() string {
	parts := strings.Split(string(id), ".")
	for i, part := range parts {
		parts[i] = part[:min(12, len(part))]
	}
	return strings.Join(parts, ".")
}

// ValidateName returns an error that wraps ErrInvalid unless name may be given
// to a container: docker's rule, [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 128 bytes.
func ValidateName(name string) error {
	plain := strings.NewReplacer(".", "", "_", "", "-", "").Replace(name)
	if len(name) < 2 || len(name) > 128 || !validPart(plain) || !alphanumeric(name[0]) {
		return fmt.Errorf("%w: container name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed, 2 to 128 characters",
			ErrInvalid, name)
	}
	return nil
}

func validPart(part string) bool {
	if part == "" || !alphanumeric(part[0]) {
		return false
	}
	for i := range len(part) {
		if c := part[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
