package flags

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

func TestSecrets(t *testing.T) {
	t.Setenv("TOKEN", "canary")
	given := mctr.SecretValue("canary")
	for _, c := range []struct {
		flags []string
		want  mctr.ContainerConfig
	}{
		{[]string{"--secret", "file:/etc/db/password"}, mctr.ContainerConfig{Volumes: []mctr.Volume{
			{Type: "secret", Source: "file:/etc/db/password", Target: "/run/secrets/password"}}}},
		{[]string{"--secret", "env:TOKEN,mode=0440,uid=0,gid=5"}, mctr.ContainerConfig{Volumes: []mctr.Volume{
			{Type: "secret", Value: given, Target: "/run/secrets/TOKEN", Mode: "0440", UID: new(uint32(0)),
				GID: new(uint32(5))}}}},
		{[]string{"--secret", "env:TOKEN,target=a/b", "--secret", "-,target=/etc/key"},
			mctr.ContainerConfig{Volumes: []mctr.Volume{
				{Type: "secret", Value: given, Target: "/run/secrets/a/b"},
				{Type: "secret", Value: mctr.SecretValue("input\n"), Target: "/etc/key"}}}},
		{[]string{"--secret", "env:TOKEN,type=env", "--secret", "file:/a/b,type=env,target=B"},
			mctr.ContainerConfig{Process: mctr.Process{SecretEnv: []mctr.SecretVariable{
				{Name: "TOKEN", Value: given}, {Name: "B", Source: "file:/a/b"}}}}},
		{[]string{"--mount", "type=secret,source=env:TOKEN,target=/x,mode=400,uid=7"},
			mctr.ContainerConfig{Volumes: []mctr.Volume{
				{Type: "secret", Value: given, Target: "/x", Mode: "400", UID: new(uint32(7))}}}},
	} {
		got, err := secretsFrom(t, c.flags)
		if diff := cmp.Diff(&c.want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", c.flags, err, diff)
		}
	}
	for flag, want := range map[string]string{
		"password":               "want file:/PATH, env:NAME or -",
		"env:UNSET":              "the variable UNSET is not set",
		"-":                      "want a target",
		"file:/":                 "want a target",
		"file:/x,type=volume":    "type=volume: want mount or env",
		"file:/x,size=3":         `unknown key "size"`,
		"file:/x,uid=root":       "uid=root: want a number",
		"file:/x,gid=4294967295": "gid=4294967295: want a number",
		"file:/x,type=env,uid=1": "a variable has no mode, uid and gid",
	} {
		if _, err := secretsFrom(t, []string{"--secret", flag}); !errors.Is(err, mctr.ErrInvalid) ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %s", flag, err, want)
		}
	}
	if _, err := secretsFrom(t, []string{"--secret", "-,target=a", "--secret", "-,target=b"}); err == nil ||
		!strings.Contains(err.Error(), "stdin is in use") {
		t.Errorf("stdin twice: %v", err)
	}
}

// secretsFrom returns the config of these flags alone, with "input" on stdin.
func secretsFrom(t *testing.T, args []string) (*mctr.ContainerConfig, error) {
	t.Helper()
	l, c := &Launch{}, &mctr.ContainerConfig{}
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	l.Register(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	var stdin io.Reader = strings.NewReader("input\n")
	err := errors.Join(l.filesystems(c), l.secretFlags(c))
	if err == nil {
		err = readSecrets(c, &stdin)
	}
	return c, err
}

// TestGroupSecrets: variables are read, also for the tasks, and stdin never.
func TestGroupSecrets(t *testing.T) {
	t.Setenv("TOKEN", "canary")
	const task = `{"root":{},"tasks":{"a":{"process":{"secret_env":[{"name":"A","source":"%s"}]},` +
		`"volumes":[{"type":"secret","target":"/x","source":"%s"}]}}}`
	g, err := decodeGroup(strings.NewReader(strings.ReplaceAll(task, "%s", "env:TOKEN")))
	if err != nil || string(g.Tasks["a"].Volumes[0].Value) != "canary" || g.Tasks["a"].Volumes[0].Source != "" ||
		string(g.Tasks["a"].Process.SecretEnv[0].Value) != "canary" {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := decodeGroup(strings.NewReader(strings.ReplaceAll(task, "%s", "-"))); err == nil ||
		!strings.Contains(err.Error(), "task a") || !strings.Contains(err.Error(), "stdin is in use") {
		t.Errorf("stdin: %v", err)
	}
}
