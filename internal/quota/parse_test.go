package quota

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// waitExec waits until a child has executed its program, in its own namespaces.
func waitExec(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		if name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm"); err == nil && string(name) == "sleep\n" {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the child does not run")
}

func TestParseProjects(t *testing.T) {
	text := "# projects\n10:/a\n 11 :/b:c\nnonsense\n-1:/d\n4294967296:/e\n4294967295:/f\n12\n"
	if got := parseProjects(strings.NewReader(text)); !slices.Equal(got, []uint32{10, 11, 4294967295}) {
		t.Errorf("%v", got)
	}
}

func FuzzParseProjects(f *testing.F) {
	f.Add("10:/a\n11:/b")
	f.Fuzz(func(t *testing.T, text string) {
		if got := parseProjects(strings.NewReader(text)); len(got) > strings.Count(text, ":") {
			t.Errorf("%v in %q", got, text)
		}
	})
}

// TestSuperblock reads what mkfs.ext4 writes.
func TestSuperblock(t *testing.T) {
	r := &Record{Dir: filepath.Join(t.TempDir(), "dir"), Limits: Limits{Bytes: size, Inodes: 100}}
	must(t, makeImage(r), makeFilesystem(t.Context(), r), checkFilesystem(t.Context(), r))
	sb, err := readSuperblock(imageOf(r.Dir))
	if u := sb.usage(); err != nil || u.Inodes != 1 || u.Limits.Bytes != size || u.Limits.Inodes < 100 ||
		u.Limits.Inodes > 116 || u.Bytes == 0 || u.Bytes > size/2 {
		t.Errorf("%+v, %v", u, err)
	}
	command(t, "mkfs.ext4", "-q", "-F", "-b", "1024", imageOf(r.Dir))
	if _, err := readSuperblock(imageOf(r.Dir)); err == nil || !strings.Contains(err.Error(), "1024<<0") {
		t.Errorf("other blocks: %v", err)
	}
}

func FuzzSuperblock(f *testing.F) {
	valid := make([]byte, 1024)
	binary.LittleEndian.PutUint16(valid[0x38:], 0xef53)
	binary.LittleEndian.PutUint32(valid[0x18:], 2)
	binary.LittleEndian.PutUint32(valid[0x4:], 4096)
	f.Add(valid)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) != 1024 {
			return
		}
		sb, err := parseSuperblock(data)
		if u := sb.usage(); err == nil && (u.Bytes < 0 || u.Inodes < 0 || u.Bytes > u.Limits.Bytes) {
			t.Errorf("%+v", u)
		}
	})
}
