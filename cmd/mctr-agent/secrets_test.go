package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/internal/canary"
)

// TestSecretsSurviveAgent launches containers with secrets by Mesos' call and by that of mctr, kills the
// agent, and has the next one restart them by their policy. The secret is in no file, process or log.
func TestSecretsSurviveAgent(t *testing.T) {
	const secret = canary.Value("xyzzy-canary-4711")
	const isSecret = `want=xyzzy-ca; want=${want}nary-4711; test "$(cat /key)" = $want && test "$TOKEN" = $want`
	h := newHost(t)
	logs := []*logText{h.log}
	nowhere := func() {
		t.Helper()
		files, err := secret.InFiles(h.state+"/secrets", h.root, h.state)
		processes, failed := secret.InProcesses()
		for _, log := range logs {
			if secret.In([]byte(log.String())) {
				files = append(files, "the agent's log")
			}
		}
		if found := slices.Concat(files, processes); err != nil || failed != nil || len(found) > 0 {
			t.Errorf("the secret is in %q, %v, %v", found, err, failed)
		}
	}
	value := &api.Secret{Type: "VALUE", Value: &api.SecretValue{Data: mctr.SecretValue(secret)}}
	mesos := api.Launch{ContainerID: id("mesos"), Command: sh(isSecret + " && exec sleep 1000"),
		Container: h.in()}
	mesos.Container.Volumes = []api.Volume{{Mode: "RW", ContainerPath: "/key",
		Source: &api.VolumeSource{Type: "SECRET", Secret: value}}}
	mesos.Command.Environment = &api.Environment{Variables: []api.Variable{
		{Name: "TOKEN", Type: "SECRET", Secret: value}}}
	h.call(200, api.LaunchContainer, mesos, nil)
	gate := t.TempDir()
	config := &mctr.ContainerConfig{Image: h.image,
		Process: mctr.Process{Args: []string{"sh", "-c", isSecret + ` || exit 0; echo >>/gate/runs
			while [ ! -e /gate/open ]; do sleep 0.02; done; test $(wc -l </gate/runs) = 1 && exit 1; exec sleep 1000`},
			SecretEnv: []mctr.SecretVariable{{Name: "TOKEN", Value: mctr.SecretValue(secret)}}},
		Volumes: []mctr.Volume{{Type: "bind", Source: gate, Target: "/gate"},
			{Type: "secret", Value: mctr.SecretValue(secret), Target: "/key"}},
		Restart: mctr.RestartPolicy{Name: mctr.RestartOnFailure},
	}
	h.call(200, api.LaunchContainer, api.Launch{ContainerID: id("again"), Mctr: &api.Extension{Config: config}}, nil)
	runs := func() int {
		text, _ := os.ReadFile(filepath.Join(gate, "runs"))
		return strings.Count(string(text), "\n")
	}
	h.eventually("it runs", func() bool { return runs() == 1 })
	nowhere()
	h.kill()
	if err := os.WriteFile(filepath.Join(gate, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	logs = append(logs, h.log)
	h.eventually("it was restarted with its secrets", func() bool { return runs() == 2 })
	nowhere()
	for _, name := range []string{"mesos", "again"} {
		got, err := h.mctr("--agent", "unix://"+h.socket(), "inspect", name)
		if err != nil || secret.In([]byte(got)) || strings.Count(got, `"source": "value"`) != 2 ||
			!strings.Contains(got, `"Status": "running"`) {
			t.Errorf("inspect: %v, %s", err, got)
		}
	}
	h.remove("mesos", "again")
	nowhere()
	if entries, err := os.ReadDir(h.state + "/secrets"); err == nil {
		t.Error("left:", fmt.Sprint(entries))
	}
}
