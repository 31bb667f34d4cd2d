package saferoot

import (
	"bytes"
	"math"
	"strconv"
)

// An entry is the first four fields of a line of passwd(5) or group(5).
type entry [4][]byte

func (e *entry) read(line []byte) bool {
	line = bytes.TrimSpace(line)
	*e = entry{}
	for i := range e {
		e[i], line, _ = bytes.Cut(line, []byte{':'})
	}
	return len(e[0]) > 0
}

// A query selects the lines of a database that a look-up needs. The databases of an image may have
// hundreds of thousands of lines: the others are skipped before they are parsed completely.
type query struct {
	names   map[string]bool
	ids     map[uint32]bool
	members map[string]bool // users whose groups are wanted too
	found   map[string]bool // the names of users that matched
}

func newQuery(specs ...string) *query {
	s := &query{names: map[string]bool{}, ids: map[uint32]bool{}, found: map[string]bool{}}
	for _, spec := range specs {
		if spec == "" {
			continue
		}
		s.names[spec] = true
		if n, err := strconv.Atoi(spec); err == nil && n >= 0 && n < math.MaxUint32 {
			s.ids[uint32(n)] = true
		}
	}
	return s
}

func (s *query) isUser(e *entry) bool {
	uid, ok := id(e[2])
	if _, valid := id(e[3]); !ok || !valid || !s.names[string(e[0])] && !s.ids[uid] {
		return false
	}
	s.found[string(e[0])] = true
	return true
}

func (s *query) isGroup(e *entry) bool {
	gid, ok := id(e[2])
	return ok && (s.names[string(e[0])] || s.ids[gid] || s.hasMember(e[3]))
}

func (s *query) hasMember(list []byte) bool {
	for more := len(list) > 0 && len(s.members) > 0; more; {
		var name []byte
		if name, list, more = bytes.Cut(list, []byte{','}); s.members[string(name)] {
			return true
		}
	}
	return false
}

// id parses a number from 0 to 4294967294. The next number means "no change" to setresuid(2). An
// invalid or larger number could be taken for the id of root, after conversion or truncation to 32
// bits.
func id(digits []byte) (uint32, bool) {
	n := uint64(0)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		if n = 10*n + uint64(d-'0'); n >= math.MaxUint32 {
			return 0, false
		}
	}
	return uint32(n), len(digits) > 0
}
