package volume

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/mctr/mctr"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]mctr.NamedVolume{
		"a=local":          {Name: "a", Driver: "local"},
		"a=local,size=64m": {Name: "a", Driver: "local", Size: 64 << 20},
		"b=csi,x=y=z,size=1g,e=": {Name: "b", Driver: "csi", Size: 1 << 30,
			Options: map[string]string{"x": "y=z", "e": ""}},
	} {
		if v, err := Parse(text); err != nil || !reflect.DeepEqual(v, want) {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
	for _, text := range []string{"", "a", "a=", "=local", "../a=local", "a=local,", "a=local,x", "a=local,=x",
		"a=local,size=", "a=local,size=-1", "a=local,size=1k", "a=local,size=99999999999g"} {
		if v, err := Parse(text); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: %+v, %v", text, v, err)
		}
	}
}

// FuzzParse: a volume that is accepted has a valid name, a driver, and a size of nothing or 1 MiB and more.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a=local", "b=csi,x=y=z,size=1g", "a=local,size=-1", ",=,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if err != nil {
			if !errors.Is(err, mctr.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if mctr.ValidateVolumeName(v.Name) != nil || v.Driver == "" || v.Size != 0 && v.Size < 1<<20 {
			t.Fatalf("%q: %+v", text, v)
		}
	})
}

// TestFailures counts failed checks and volumes without results, but nothing that is absent.
func TestFailures(t *testing.T) {
	r := &Report{Time: time.Second.String(), Volumes: []*Measured{
		{Name: "good", Results: []Result{{"written", Pass, ""}, {"node", Absent, "one node"}}},
		{Name: "bad", Results: []Result{{"written", Fail, "gone"}, {"quota", Fail, "never full"}}},
		{Name: "ugly", Failed: "create: no"},
	}}
	if n := r.Failures(); n != 3 {
		t.Errorf("%d failures, want 3", n)
	}
}
