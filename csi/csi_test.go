package csi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// TestNoGRPC: an agent that uses this package does not link gRPC; mctr-csi does.
func TestNoGRPC(t *testing.T) {
	for pkg, want := range map[string]bool{".": false, "../cmd/mctr-agent": false, "../cmd/mctr": false,
		"../cmd/mctr-csi": true} {
		out, err := exec.Command("go", "list", "-deps", pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, heavy := range []string{"\ngoogle.golang.org/grpc\n", "\ngithub.com/container-storage-interface/"} {
			if bytes.Contains(out, []byte(heavy)) != want {
				t.Errorf("%s links %s: want %t", pkg, strings.TrimSpace(heavy), want)
			}
		}
	}
}

// TestSent: a plugin with SINGLE_NODE_MULTI_WRITER gets the newer modes instead of SINGLE_NODE_WRITER,
// and another plugin never gets them.
func TestSent(t *testing.T) {
	for _, c := range []struct {
		mode        csi.AccessMode
		multiWriter bool
		want        csi.AccessMode
	}{
		{"", false, csi.SingleNodeWriter}, {"", true, csi.SingleNodeSingleWriter},
		{csi.SingleNodeWriter, true, csi.SingleNodeSingleWriter},
		{csi.SingleNodeSingleWriter, false, csi.SingleNodeWriter},
		{csi.SingleNodeMultiWriter, true, csi.SingleNodeMultiWriter}, {csi.SingleNodeMultiWriter, false, ""},
		{csi.SingleNodeReaderOnly, true, csi.SingleNodeReaderOnly},
		{csi.MultiNodeMultiWriter, false, csi.MultiNodeMultiWriter},
	} {
		got, err := c.mode.Sent(c.multiWriter)
		if got != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, mctr.ErrUnsupported) {
			t.Errorf("%s, %t: %s, %v", c.mode, c.multiWriter, got, err)
		}
	}
	if n := csi.SingleNodeMultiWriter.Number(); n != 7 {
		t.Errorf("the number of SINGLE_NODE_MULTI_WRITER is %d", n)
	}
}

// TestAdmit decides on the second use of a volume for each access mode.
func TestAdmit(t *testing.T) {
	for _, c := range []struct {
		mode          csi.AccessMode
		first, second bool // read-only
		want          csi.Kind
	}{
		{csi.SingleNodeWriter, false, false, csi.KindInUse},
		{csi.SingleNodeWriter, false, true, csi.KindInUse},
		{csi.SingleNodeSingleWriter, false, false, csi.KindInUse},
		{csi.SingleNodeReaderOnly, true, true, csi.KindInUse},
		{csi.SingleNodeReaderOnly, true, false, csi.KindInvalid},
		{csi.SingleNodeMultiWriter, false, false, ""},
		{csi.MultiNodeReaderOnly, true, true, ""},
		{csi.MultiNodeReaderOnly, true, false, csi.KindInvalid},
		{csi.MultiNodeSingleWriter, false, false, csi.KindInUse},
		{csi.MultiNodeSingleWriter, false, true, ""},
		{csi.MultiNodeSingleWriter, true, false, ""},
		{csi.MultiNodeMultiWriter, false, false, ""},
	} {
		r := &csi.Record{Volume: csi.Volume{Plugin: "p", Name: "data", AccessMode: c.mode},
			References: map[mctr.ContainerID]*csi.Reference{"one": {Readonly: c.first}}}
		err := r.Admit("two", c.second, "node-1")
		e, _ := errors.AsType[*csi.Error](err)
		switch {
		case e == nil && c.want != "", e != nil && e.Kind != c.want:
			t.Errorf("%s, read-only %t then %t: %v, want %q", c.mode, c.first, c.second, err, c.want)
		case c.want == csi.KindInUse:
			for _, name := range []string{`"data"`, "node-1", "container one"} {
				if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), name) {
					t.Errorf("%v: lacks %s", err, name)
				}
			}
		}
		if err := r.Admit("one", c.first, "node-1"); err != nil {
			t.Errorf("%s: the holder itself: %v", c.mode, err)
		}
	}
}

// TestValidate names the field that is not valid.
func TestValidate(t *testing.T) {
	for want, v := range map[string]csi.Volume{
		"":            {Plugin: "p", Name: "n"},
		"plugin":      {Name: "n"},
		"name":        {Plugin: "p"},
		"control":     {Plugin: "p", Name: "a\x00"},
		"access_type": {Plugin: "p", Name: "n", AccessType: "tape"},
		"access_mode": {Plugin: "p", Name: "n", AccessMode: "all"},
		"filesystem":  {Plugin: "p", Name: "n", AccessType: csi.Block, Filesystem: "ext4"},
		"size":        {Plugin: "p", Name: "n", Size: csi.Size{Required: 2, Limit: 1}},
		"source":      {Plugin: "p", Name: "n", Source: &csi.Source{SnapshotID: "s", VolumeID: "v"}},
		"no source":   {Plugin: "p", Name: "n", ID: "v", Source: &csi.Source{SnapshotID: "s"}},
	} {
		err := v.Validate()
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, mctr.ErrInvalid) ||
			!strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
	}
	a, b := csi.Volume{Plugin: "p", Owner: "a", Name: "bc"}, csi.Volume{Plugin: "p", Owner: "ab", Name: "c"}
	if a.Key() == b.Key() {
		t.Error("two volumes have one key")
	}
}

// record returns a record with all fields.
func record() *csi.Record {
	reference := &csi.Reference{Step: csi.Done, Target: "/t", Since: time.Unix(1, 0).UTC()}
	return &csi.Record{Version: csi.RecordVersion, Boot: "b", Provisioned: true, Creation: csi.Done, SentName: "s",
		ID: "v1", Bytes: 5, Context: map[string]string{"a": "b"}, Reachable: []csi.Segments{{"zone": "a"}},
		SentMode: csi.SingleNodeWriter, Volume: csi.Volume{Plugin: "p", Name: "data"},
		Attachment: &csi.Attachment{Step: csi.Done, Node: "n"}, Staging: &csi.Staging{Step: csi.Done, Path: "/s"},
		References: map[mctr.ContainerID]*csi.Reference{"c1": reference},
		Expansion:  &csi.Expansion{Step: csi.Doing, Size: csi.Size{Required: 9}}}
}

// TestStore writes, reads and removes a record.
func TestStore(t *testing.T) {
	store := csi.NewStore(t.TempDir())
	r := record()
	key := r.Volume.Key()
	lock, err := store.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	for _, durable := range []bool{false, true} {
		if err := store.Write(r, durable); err != nil {
			t.Fatal(err)
		}
		got, err := store.Read(key)
		if err != nil || cmp.Diff(r, got) != "" {
			t.Errorf("%v %s", err, cmp.Diff(r, got))
		}
	}
	info, err := os.Stat(filepath.Join(store.Dir(), "volumes", key+".json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if keys, err := store.Keys(); err != nil || !slices.Equal(keys, []string{key}) {
		t.Errorf("%q, %v", keys, err)
	}
	if err := errors.Join(store.Claim(r), store.Claim(r)); err != nil {
		t.Error(err)
	}
	other := record()
	other.Volume.Name = "other"
	if err := store.Claim(other); !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), `as "data"`) {
		t.Errorf("a second claim: %v", err)
	}
	if err := errors.Join(store.Remove(r), store.Remove(r), store.Claim(other)); err != nil {
		t.Error(err)
	}
	if _, err := store.Read(key); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	// The record that held the claim was removed, and the claim was left.
	if err := store.Claim(r); err != nil {
		t.Errorf("a claim without a record: %v", err)
	}
}

// TestParseRecord refuses what another version or another hand wrote.
func TestParseRecord(t *testing.T) {
	for want, text := range map[string]string{
		"version 2":      `{"version":2}`,
		"version 0":      `{}`,
		"unknown fields": `{"version":1,"volume":{"plugin":"p","name":"n"},"newer":1}`,
		"target path":    `{"version":1,"volume":{"plugin":"p","name":"n"},"references":{"c":{"target":"x"}}}`,
		"container id":   `{"version":1,"volume":{"plugin":"p","name":"n"},"references":{"../c":{"target":"/x"}}}`,
		"staging path":   `{"version":1,"volume":{"plugin":"p","name":"n"},"staging":{"path":"x"}}`,
		"plugin":         `{"version":1,"volume":{"name":"n"}}`,
		"end of JSON":    `{"version":1`,
	} {
		if _, err := csi.ParseRecord([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzParseRecord: what is read is written as what is read again.
func FuzzParseRecord(f *testing.F) {
	text, err := json.Marshal(record())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"version":1,"volume":{"plugin":"p","name":"n"},"references":{"c":{"target":"/x"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := csi.ParseRecord(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := csi.ParseRecord(again)
		if err != nil || back.Volume.Key() != r.Volume.Key() || len(back.References) != len(r.References) {
			t.Errorf("%s: %v, %+v", again, err, back)
		}
	})
}

// TestDropEarlierBoot drops what an earlier boot ended, and nothing of this boot.
func TestDropEarlierBoot(t *testing.T) {
	r := record()
	if paths := r.DropEarlierBoot("b"); paths != nil || len(r.References) != 1 || r.Staging == nil {
		t.Errorf("in the same boot: %q, %+v", paths, r)
	}
	if paths := r.DropEarlierBoot("c"); !slices.Equal(paths, []string{"/s", "/t"}) || r.Attachment == nil ||
		r.Staging != nil || len(r.References) > 0 {
		t.Errorf("after a reboot: %q, %+v", paths, r)
	}
}

// TestErrors: errors match sentinels, keep what failed besides, and survive JSON.
func TestErrors(t *testing.T) {
	first := &csi.Error{Kind: csi.KindNotFound, Message: "gone", Call: "NodeStageVolume", Code: "NotFound"}
	e := csi.AsError(errors.Join(first, errors.New("and that")), "data")
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	back := &csi.Error{}
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	const want = "csi volume data: NodeStageVolume: gone (NotFound); besides: and that"
	if back.Error() != want || !errors.Is(back, mctr.ErrNotFound) || errors.Is(back, mctr.ErrInvalid) {
		t.Errorf("%q, want %q", back, want)
	}
	for kind, err := range map[csi.Kind]error{csi.KindHost: os.ErrPermission,
		csi.KindInvalid: fmt.Errorf("%w: x", mctr.ErrInvalid)} {
		if got := csi.AsError(err, "").Kind; got != kind {
			t.Errorf("%v is of kind %s, want %s", err, got, kind)
		}
	}
}

// TestRunner: what a program answers that is not mctr-csi has an unknown outcome.
func TestRunner(t *testing.T) {
	request := &csi.Request{Verb: csi.VerbProbe}
	for name, body := range map[string]string{"dies": "kill -9 $$", "babbles": "echo nonsense", "is silent": "exit 3"} {
		path := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(path, []byte("#!/bin/sh\ncat >/dev/null\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := (&csi.Runner{Program: path}).Do(t.Context(), request)
		if e, ok := errors.AsType[*csi.Error](err); !ok || !e.Unknown || e.Kind != csi.KindHost {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&csi.Runner{Program: "/nosuch"}).Do(t.Context(), request); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
}
