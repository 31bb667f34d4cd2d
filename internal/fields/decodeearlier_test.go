package fields_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr/internal/fields"
)

type pause time.Duration

func (p pause) MarshalText() ([]byte, error) { return []byte(time.Duration(p).String()), nil }

func (p *pause) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*p = pause(d)
	return err
}

type part struct {
	HostIP   string `json:"host_ip"`
	ExitCode int    `json:"exit_code"`
}

type whole struct {
	part
	StopAfter  *pause            `json:"stop_after"`
	DiffIDs    []string          `json:"diff_ids"`
	Parts      []*part           `json:"parts"`
	ByName     map[string]part   `json:"by_name"`
	Labels     map[string]string `json:"labels"`
	Raw        json.RawMessage   `json:"raw"`
	CNIVersion string            `json:"cni_version"`
	At         time.Time         `json:"at"`
	User       string            `json:"User"` // as OCI has it
	Volumes    []part            `json:"volumes" formerly:"mounts"`
}

// TestUnmarshalEarlier: what earlier builds wrote is decoded like what this build writes.
func TestUnmarshalEarlier(t *testing.T) {
	at := time.Date(2026, 11, 29, 1, 2, 3, 0, time.UTC)
	want := whole{
		part: part{HostIP: "1.2.3.4", ExitCode: 3}, StopAfter: new(pause(90 * time.Second)), DiffIDs: []string{"a"},
		Parts: []*part{{ExitCode: 1}, nil}, ByName: map[string]part{"hostIP": {HostIP: "h"}},
		Labels: map[string]string{"exitCode": "x"}, Raw: json.RawMessage(`{"exitCode":1}`), CNIVersion: "1.1.0", At: at,
		User: "root", Volumes: []part{{ExitCode: 2}},
	}
	now, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"now": string(now),
		"earlier": `{"hostIP":"1.2.3.4","exitCode":3,"stopAfter":90000000000,"diffIDs":["a"],` +
			`"parts":[{"exitCode":1},null],"byName":{"hostIP":{"hostIP":"h"}},"labels":{"exitCode":"x"},` +
			`"raw":{"exitCode":1},"CNIVersion":"1.1.0","at":"2026-11-29T01:02:03Z","User":"root","mounts":[{"exitCode":2}],"more":{"a":1}}`,
		"both": `{"hostIP":"no","host_ip":"1.2.3.4","exit_code":3,"exitCode":7,"stop_after":"1m30s","diff_ids":["a"],` +
			`"parts":[{"exit_code":1},null],"by_name":{"hostIP":{"host_ip":"h"}},"labels":{"exitCode":"x"},` +
			`"raw":{"exitCode":1},"cni_version":"1.1.0","at":"2026-11-29T01:02:03Z","User":"root","mounts":null,"volumes":[{"exit_code":2}]}`,
	} {
		var got whole
		if err := fields.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got, cmp.AllowUnexported(whole{})); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for _, bad := range []string{"", "{", `{"parts":3}`, `{"stop_after":"soon"}`, "{} {}", `{"exit_code":"x"}`} {
		if err := fields.Unmarshal([]byte(bad), new(whole)); err == nil {
			t.Errorf("%q was decoded", bad)
		}
	}
}

// FuzzUnmarshal: Unmarshal decodes no text to more than encoding/json does.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"exitCode":1,"stopAfter":5}`))
	f.Add([]byte(`{"parts":[{"hostIP":"x"}],"byName":{"a":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got whole
		if fields.Unmarshal(data, &got) == nil && !json.Valid(data) {
			t.Errorf("%q is not JSON, and was decoded", data)
		}
	})
}

// TestRenamed: the error for an earlier name contains the current name.
func TestRenamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"stopAfter":"1s"}`:          `json: unknown field "stopAfter": now it is called stop_after`,
		`{"parts":[{"hostIP":"::"}]}`: `json: unknown field "hostIP": now it is called host_ip`,
		`{"parts":[{}],"mounts":[]}`:  `json: unknown field "mounts": now it is called volumes`,
		`{"nothing":1}`:               `json: unknown field "nothing"`,
	} {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		var v whole
		if err := fields.Renamed(d.Decode(&v), &v); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
