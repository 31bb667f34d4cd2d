package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
)

// A script is a source that answers each request in turn with a number of bytes from the offset,
// and then with the error.
type script struct {
	content []byte
	answers []answer
	offsets []int64
}

type answer struct {
	bytes int
	err   error
}

func (s *script) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	s.offsets = append(s.offsets, offset)
	if len(s.answers) == 0 {
		return nil, errors.New("opened too often")
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.bytes == 0 && a.err != nil {
		return nil, a.err
	}
	part := s.content[min(int(offset), len(s.content)):]
	part = part[:min(a.bytes, len(part))]
	if a.err == nil {
		a.err = io.EOF
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(part), failing{a.err})), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestIngest(t *testing.T) {
	broken, content := io.ErrUnexpectedEOF, []byte(strings.Repeat("0123456789", 100))
	cases := []struct {
		name    string
		left    string // of an earlier download
		content []byte
		answers []answer
		offsets []int64
		err     error
	}{
		{"at once", "", content, []answer{{1000, nil}}, []int64{0}, nil},
		{"resumed", "", content, []answer{{100, broken}, {200, broken}, {700, nil}}, []int64{0, 100, 300}, nil},
		{"early end", "", content, []answer{{100, nil}, {900, nil}}, []int64{0, 100}, nil},
		{"refused in between", "", content, []answer{{100, broken}, {0, mctr.ErrUnavailable}, {900, nil}},
			[]int64{0, 100, 100}, nil},
		{"continues what was left", string(content[:400]), content, []answer{{600, nil}}, []int64{400}, nil},
		{"what was left is whole", string(content), content, nil, nil, nil},
		{"what was left is garbage", "garbage", content, []answer{{993, nil}, {1000, nil}}, []int64{7, 0}, nil},
		{"what was left is too long", strings.Repeat("x", 2000), content, []answer{{1000, nil}}, []int64{0}, nil},
		{"lies", "", bytes.Repeat([]byte("x"), 1000), []answer{{1000, nil}}, []int64{0}, ErrContent},
		{"too long", "", append(content, 'x'), []answer{{1001, nil}}, []int64{0}, ErrContent},
		{"not there", "", content, []answer{{0, mctr.ErrNotFound}}, []int64{0}, mctr.ErrNotFound},
		{"never more", "", content, []answer{{10, broken}, {0, broken}, {0, broken}, {0, broken}, {0, broken}},
			[]int64{0, 10, 10, 10, 10}, broken},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := New(t.TempDir())
			d := v1.Descriptor{Digest: digest.FromBytes(content), Size: int64(len(content))}
			if c.left != "" {
				leave(t, s, d, c.left)
			}
			src := &script{content: c.content, answers: c.answers}
			err := s.Ingest(context.Background(), d, src.open, nil)
			if !errors.Is(err, c.err) || s.HasBlob(d) != (c.err == nil) {
				t.Errorf("%v, in the store: %v; want %v", err, s.HasBlob(d), c.err)
			}
			if !equal(src.offsets, c.offsets) {
				t.Errorf("opened at %v, want %v", src.offsets, c.offsets)
			}
			if data, err := s.ReadBlob(d); c.err == nil && (err != nil || !bytes.Equal(data, content)) {
				t.Errorf("read back: %v", err)
			}
		})
	}
}

func equal(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// leave writes what a killed download of d leaves.
func leave(t *testing.T, s *Store, d v1.Descriptor, text string) {
	t.Helper()
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("tmp", "blob-sha256-"+d.Digest.Encoded()), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestIngestRefusesDescriptors(t *testing.T) {
	s := New(t.TempDir())
	for _, d := range []v1.Descriptor{
		{Digest: "sha256:../../x", Size: 1}, {Digest: "", Size: 1}, {Digest: digest.FromString("x"), Size: -1},
		{Digest: "md5:0123", Size: 1},
	} {
		if err := s.Ingest(context.Background(), d, nil, nil); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%+v: %v, want ErrInvalid", d, err)
		}
	}
}

// TestLeaseFollowsRecord: a lease made after its record was replaced protects the image that the
// caller looked up, not that of the new record.
func TestLeaseFollowsRecord(t *testing.T) {
	s := New(t.TempDir())
	old := &Image{Reference: "x", Digest: digest.FromString("old"), Layers: []LayerRef{{Key: "diff-old"}}}
	if err := s.Tag(old); err != nil {
		t.Fatal(err)
	}
	looked, err := s.Image("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(&Image{Reference: "x", Digest: digest.FromString("new")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Lease("c1", looked); err != nil {
		t.Fatal(err)
	}
	now, err := s.Image("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Lease("c2", now); err != nil {
		t.Fatal(err)
	}
	held, err := s.Leases()
	if err != nil || held["c1"].Digest != old.Digest || held["c1"].Layers[0].Key != "diff-old" ||
		held["c2"].Digest != now.Digest {
		t.Errorf("%+v, %v", held, err)
	}
}

// TestReleaseAll removes a holder's leases, including those for volumes, and leftovers of a process
// that was killed while writing one, but no leases of holders with similar names.
func TestReleaseAll(t *testing.T) {
	s := New(t.TempDir())
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	others := []string{".tmp-job-2-17", ".tmp-jobs-17", ".tmp-x@job-17", "job-2", "jobs", "x@job"}
	for _, name := range append([]string{"job", "job@data", ".tmp-job-17", ".tmp-job@data-4"}, others...) {
		if err := os.WriteFile(s.path("leases", name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ReleaseAll("job"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(s.path("leases"))
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if err != nil || !slices.Equal(left, others) {
		t.Errorf("left %q, %v; want %q", left, err, others)
	}
	if err := New(t.TempDir()).ReleaseAll("job"); err != nil {
		t.Errorf("in a store that nothing was put in: %v", err)
	}
}

// TestUnreadableLease: nothing is removed while it is unknown what is in use.
func TestUnreadableLease(t *testing.T) {
	s := New(t.TempDir())
	ctx := context.Background()
	d, err := s.Put(ctx, "text/plain", []byte("unreferenced"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("leases", "c1"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Sweep(ctx, Sweep{}); err == nil || len(r.Blobs) != 0 || !s.HasBlob(d) ||
		!strings.Contains(err.Error(), "c1") {
		t.Errorf("%+v, %v", r, err)
	}
	if err := s.Release("c1"); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Sweep(ctx, Sweep{}); err != nil || len(r.Blobs) != 1 || s.HasBlob(d) {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestTrySweep does nothing while another process provisions.
func TestTrySweep(t *testing.T) {
	s := New(t.TempDir())
	ctx := context.Background()
	d, err := s.Put(ctx, "text/plain", []byte("unreferenced"))
	if err != nil {
		t.Fatal(err)
	}
	lock, err := s.Shared(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Sweep(ctx, Sweep{Try: true}); err != nil || len(r.Blobs) != 0 || !s.HasBlob(d) {
		t.Errorf("%+v, %v", r, err)
	}
	lock.Unlock()
	if r, err := s.Sweep(ctx, Sweep{Try: true}); err != nil || len(r.Blobs) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
