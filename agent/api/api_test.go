package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

func TestIDs(t *testing.T) {
	for _, id := range []mctr.ContainerID{"a", "a.b", "root.child.grand-child"} {
		data, err := json.Marshal(api.NewContainerID(id))
		if err != nil {
			t.Fatal(err)
		}
		var got api.ContainerID
		if err := api.Decode(data, &got); err != nil || got.ID() != id {
			t.Errorf("%s came back as %s, %v", id, got, err)
		}
	}
	for _, bad := range []string{`{"container_id":{}}`, `{"container_id":{"value":""}}`, `{"container_id":null}`, `{}`,
		`{"container_id":{"value":"a.b"}}`, `{"container_id":{"value":"a","parent":{}}}`,
		`{"container_id":{"value":"a","parent":{"value":"x/y"}}}`, `{"container_id":"a"}`,
		`{"container_id":{"value":"a","more":1}}`} {
		var in api.ID
		if err := api.Decode([]byte(bad), &in); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: %s, %v", bad, in.ContainerID, err)
		}
	}
}

func TestParseCall(t *testing.T) {
	call, arguments, err := api.ParseCall([]byte(`{"wait_container":{"x":1},"type":"WAIT_CONTAINER"}`))
	if err != nil || call != api.WaitContainer || string(arguments) != `{"x":1}` {
		t.Errorf("%s %s %v", call, arguments, err)
	}
	if call, arguments, err := api.ParseCall([]byte(`{"type":"GET_VERSION"}`)); err != nil || call != api.GetVersion ||
		arguments != nil {
		t.Errorf("%s %s %v", call, arguments, err)
	}
	body, err := api.NewMessage(api.WaitContainer, api.ID{ContainerID: api.NewContainerID("a.b")})
	if want := `{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"b","parent":{"value":"a"}}}}`; err != nil || string(body) != want {
		t.Errorf("%s, %v", body, err)
	}
}

// launch reads a launch as the agent does.
func launch(text string) (*mctr.ContainerConfig, error) {
	var in api.Launch
	if !strings.Contains(text, "container_id") {
		text = `{"container_id":{"value":"root"},` + strings.TrimPrefix(text, "{")
	}
	if err := api.Decode([]byte(text), &in); err != nil {
		return nil, err
	}
	return in.Config()
}

func ptr[T any](v T) *T { return &v }

// TestLaunch checks that the fields of Mesos are converted to a config with the same meaning.
func TestLaunch(t *testing.T) {
	shell := func(line string) mctr.Process {
		return mctr.Process{Entrypoint: &[]string{}, Args: []string{"/bin/sh", "-c", line}}
	}
	const nested = `{"container_id":{"value":"c","parent":{"value":"p"}},`
	const image = `"mesos":{"image":{"type":"DOCKER","docker":{"name":"debian"}`
	for _, c := range []struct {
		name, launch string
		want         mctr.ContainerConfig
	}{
		{"a command line", `{"command":{"value":"date"}}`,
			mctr.ContainerConfig{Network: "host", Process: shell("date")}},
		{"nested", nested + `"command":{"shell":true,"value":"date"}}`, mctr.ContainerConfig{Process: shell("date")}},
		{"a command", `{"command":{"shell":false,"value":"/bin/date","arguments":["date","-u"]}}`,
			mctr.ContainerConfig{Network: "host",
				Process: mctr.Process{Entrypoint: &[]string{}, Args: []string{"/bin/date", "-u"}}}},
		{"arguments for the image's entrypoint",
			`{"command":{"shell":false,"arguments":["-u"]},"container":{"type":"MESOS",` + image + `}}}}`,
			mctr.ContainerConfig{Network: "host", Image: "debian", Process: mctr.Process{Args: []string{"-u"}}}},
		{"the image's own command", `{"container":{"type":"MESOS",` + image + `,"cached":false}}}}`,
			mctr.ContainerConfig{Network: "host", Image: "debian", Pull: "always"}},
		{"namespaces",
			nested +
				`"command":{"value":"x"},"container":{"type":"MESOS","linux_info":{"share_pid_namespace":true,"ipc_mode":"SHARE_PARENT","seccomp":{"unconfined":true}}}}`, mctr.ContainerConfig{Process: shell("x"), Namespaces: mctr.Namespaces{PID: "parent", IPC: "parent"}, Security: mctr.Security{Seccomp: "unconfined"}}},
		{"namespaces of a root",
			`{"command":{"value":"x"},"container":{"type":"MESOS","linux_info":{"share_pid_namespace":true}}}`,
			mctr.ContainerConfig{Network: "host", Process: shell("x"), Namespaces: mctr.Namespaces{PID: "host"}}},
		{"volumes",
			`{"command":{"value":"x"},"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"/a","host_path":"own"}, {"mode":"RO","container_path":"/b","source":{"type":"HOST_PATH","host_path":{"path":"/x","mount_propagation":{"mode":"BIDIRECTIONAL"}}}},
			{"mode":"RO","container_path":"/c","source":{"type":"SANDBOX_PATH","sandbox_path":{"type":"PARENT","path":"y"}}},
			{"mode":"RO","container_path":"/d","image":{"type":"DOCKER","docker":{"name":"debian"}}},
			{"mode":"RW","container_path":"/e","source":{"type":"DOCKER_VOLUME","docker_volume":{"name":"data"}}},
			{"mode":"RW","container_path":"/f","source":{"type":"DOCKER_VOLUME","docker_volume":{"name":"data","driver":"local"}}}]}}`,
			mctr.ContainerConfig{Network: "host", Process: shell("x"), Volumes: []mctr.Volume{
				{Type: "sandbox", Source: "own", Target: "/a"},
				{Type: "bind", Source: "/x", Target: "/b", ReadOnly: true, Options: []string{"rshared"}},
				{Type: "parent-sandbox", Source: "y", Target: "/c", ReadOnly: true},
				{Type: "image", Source: "debian", Target: "/d", ReadOnly: true},
				{Type: "volume", Source: "data", Target: "/e"},
				{Type: "local", Source: "data", Target: "/f"},
			}}},
		{"secrets",
			`{"command":{"value":"x","environment":{"variables":[{"name":"A","type":"VALUE","value":"a"},
				{"name":"B","type":"SECRET","secret":{"type":"VALUE","value":{"data":"Yg=="}}},
				{"name":"C","type":"SECRET","secret":{"type":"REFERENCE","reference":{"name":"file:/c"}}}]}},
			"container":{"type":"MESOS","volumes":[
				{"mode":"RW","container_path":"/d","source":{"type":"SECRET",
					"secret":{"type":"VALUE","value":{"data":"ZA=="}}}},
				{"mode":"RO","container_path":"e","source":{"type":"SECRET",
					"secret":{"type":"REFERENCE","reference":{"name":"file:/e"}}}}]}}`,
			mctr.ContainerConfig{
				Network: "host",
				Process: mctr.Process{Entrypoint: &[]string{}, Args: []string{"/bin/sh", "-c", "x"},
					Env: []string{"A=a"}, SecretEnv: []mctr.SecretVariable{{Name: "B", Value: mctr.SecretValue("b")},
						{Name: "C", Source: "file:/c"}}},
				Volumes: []mctr.Volume{{Type: "secret", Value: mctr.SecretValue("d"), Target: "/d"},
					{Type: "secret", Source: "file:/e", Target: "e", ReadOnly: true}},
			}},
		{"disk",
			`{"command":{"value":"x"},"container":{"type":"MESOS",` + image + `}}},
			"resources":[{"name":"disk","type":"SCALAR","scalar":{"value":64}}]}`,
			mctr.ContainerConfig{Image: "debian", Network: "host", Process: shell("x"), Resources: mctr.Resources{
				Disk: mctr.Disk{Rootfs: ptr(int64(64 << 20)), Sandbox: ptr(int64(64 << 20)), End: true}}}},
		{"limits",
			`{"command":{"value":"x"},"container":{"type":"MESOS","rlimit_info":{"rlimits":[{"type":"RLMT_CORE"}]},"tty_info":{}},
			"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.0001}},{"name":"mem","type":"SCALAR","scalar":{"value":1}}],"limits":{"cpus":{"value":"Infinity"},"mem":{"value":"Infinity"}}}`,
			mctr.ContainerConfig{
				Network: "host",
				Process: mctr.Process{Entrypoint: &[]string{}, Args: []string{"/bin/sh", "-c", "x"}, Terminal: true,
					Stdin: true},
				Rlimits: []mctr.Rlimit{{Type: "RLMT_CORE", Soft: -1, Hard: -1}},
				Resources: mctr.Resources{CPU: mctr.CPU{Shares: ptr(uint64(2))},
					Memory: mctr.Memory{Reservation: ptr(int64(32 << 20))}},
			}},
	} {
		got, err := launch(c.launch)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestSecretsRefused: a secret is complete or refused, and no error has its value.
func TestSecretsRefused(t *testing.T) {
	for secret, want := range map[string]string{
		`null`:                        "secret",
		`{"type":"VALUE"}`:            "want a secret of type VALUE",
		`{"type":"VALUE","value":{}}`: "want a secret of type VALUE",
		`{"type":"UNKNOWN","value":{"data":"eHl6enk="}}`:                       "want a secret of type VALUE",
		`{"type":"REFERENCE","value":{"data":"eHl6enk="}}`:                     "want a secret of type VALUE",
		`{"type":"REFERENCE","reference":{"name":"file:/x","key":"eHl6enk="}}`: "reference.key",
	} {
		for _, where := range []string{
			`"command":{"value":"x","environment":{"variables":[{"name":"A","type":"SECRET","secret":%s}]}}`,
			`"command":{"value":"x"},"container":{"type":"MESOS","volumes":[{"mode":"RO","container_path":"/x",` +
				`"source":{"type":"SECRET","secret":%s}}]}`,
		} {
			_, err := launch("{" + fmt.Sprintf(where, secret) + "}")
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "xyzzy") ||
				strings.Contains(err.Error(), "eHl6enk") {
				t.Errorf("%s: %v, want %s", secret, err, want)
			}
		}
	}
	const both = `{"command":{"value":"x","environment":{"variables":[{"name":"A","secret":{"type":"VALUE"}}]}}}`
	if _, err := launch(both); err == nil || !strings.Contains(err.Error(), "SECRET with secret") {
		t.Errorf("a variable without a type: %v", err)
	}
}

// TestSessionSecrets: the environment of a session has values, and no references.
func TestSessionSecrets(t *testing.T) {
	for secret, want := range map[string]string{
		`{"type":"VALUE","value":{"data":"Yg=="}}`:                     "",
		`{"type":"VALUE","value":{"data":"AA=="}}`:                     "has a NUL",
		`{"type":"REFERENCE","reference":{"name":"file:/etc/passwd"}}`: "a REFERENCE",
	} {
		var s api.Session
		text := `{"container_id":{"value":"s","parent":{"value":"p"}},"command":{"value":"x","environment":` +
			`{"variables":[{"name":"A","type":"SECRET","secret":` + secret + `}]}}}`
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		e, err := s.Exec()
		if want == "" && (err != nil || !slices.Equal(e.Env, []string{"A=b"})) ||
			want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v", secret, e.Env, err)
		}
	}
}

func TestTerminations(t *testing.T) {
	for _, c := range []struct {
		end    mctr.Termination
		status int
		state  string
	}{
		{mctr.Termination{Reason: mctr.ReasonExited}, 0, "TASK_FINISHED"},
		{mctr.Termination{Reason: mctr.ReasonExited, ExitCode: 255}, 0xff00, "TASK_FAILED"},
		{mctr.Termination{Reason: mctr.ReasonSignaled, ExitCode: 143, Signal: 15}, 15, "TASK_FAILED"},
		{mctr.Termination{Reason: mctr.ReasonDestroyed, ExitCode: 137, Signal: 9}, 9, "TASK_KILLED"},
		{mctr.Termination{Reason: mctr.ReasonShimLost, ExitCode: 137, Signal: 9}, 9, "TASK_LOST"},
	} {
		if got := api.NewTermination(&c.end); got.ExitStatus != c.status || got.State != c.state {
			t.Errorf("%+v: %+v", c.end, got)
		}
	}
}

// FuzzLaunch checks that no input crashes the decoder, and that an accepted message has only one
// reading.
func FuzzLaunch(f *testing.F) {
	f.Add([]byte(
		`{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":{"value":"a"},"command":{"value":"x"}}}`))
	f.Add([]byte(`{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":{"value":"a","parent":{"value":"b"}},"container":{"type":"MESOS","tty_info":{}},"limits":{"cpus":{"value":"Infinity"}}}}`))
	f.Add([]byte(
		`{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{"container_id":{"value":"a"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		call, arguments, err := api.ParseCall(data)
		if err != nil {
			if !errors.Is(err, mctr.ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if !json.Valid(data) || call == "" {
			t.Errorf("%q is a call", data)
		}
		var in api.Launch
		if arguments == nil || api.Decode(arguments, &in) != nil {
			return
		}
		if id := in.ContainerID.ID(); id.Validate() != nil {
			t.Errorf("id %q", id)
		}
		config, err := in.Config()
		if err == nil && config == nil {
			t.Error("no config and no error")
		}
		var session api.Session
		if api.Decode(arguments, &session) == nil {
			_, _ = session.Exec()
		}
	})
}
