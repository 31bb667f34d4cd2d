package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mctr/mctr/agent/api"
)

// TestHostileGroups checks that invalid groups and dry runs are refused, and create nothing.
func TestHostileGroups(t *testing.T) {
	h := newHost(t)
	task := fmt.Sprintf(`{"image":%q,"process":{"args":["true"]}}`, h.image)
	for _, c := range []struct {
		kind, arguments string
		want            int
	}{
		{"launch_group", `{}`, 400},
		{"launch_group", `{"container_id":{"value":"pod"}}`, 400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":null}`, 400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{}}`, 400},
		{"launch_group", `{"container_id":{"value":"../pod"},"group":{"root":{},"tasks":{"a":` + task + `}}}`, 400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{"root":{},"tasks":{"a.b":` + task + `}}}`, 400},
		{"launch_group",
			`{"container_id":{"value":"pod"},"group":{"root":{},"tasks":{"a":` + task + `,"a":` + task + `}}}`, 400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{"root":` + task + `,"tasks":{"a":` + task + `}}}`,
			400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{"root":{},"tasks":{"a":{"image":"oci:relative"}}}}`,
			400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{"root":{"owner":"cli"},"tasks":{"a":` + task + `}}}`,
			400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{"root":{},"tasks":{"a":{"owner":"cli"}}}}`, 400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{"root":{},"colour":1,"tasks":{"a":` + task + `}}}`,
			400},
		{"launch_group", `{"container_id":{"value":"pod"},"group":{"root":{},"tasks":{"a":{"image":"oci:/no/such"}}}}`,
			400},
		{"dry_run_container", `{}`, 400},
		{"dry_run_container", `{"config":null}`, 400},
		{"dry_run_container", `{"config":{"image":"oci:relative"}}`, 400},
		{"dry_run_container", `{"config":{"image":"oci:/no/such"}}`, 404},
		{"dry_run_container", `{"config":` + strings.Replace(task, "{", `{"owner":"cli",`, 1) + `}`, 400},
		{"dry_run_container", `{"config":` + task + `,"attach":{}}`, 400},
	} {
		body := fmt.Sprintf(`{"type":%q,%q:%s}`, strings.ToUpper(c.kind), c.kind, c.arguments)
		if code, answer := h.post(nil, strings.NewReader(body)); code != c.want || len(answer) > 4096 {
			t.Errorf("%s: %d %.300s, want %d", body, code, answer, c.want)
		}
	}
	var list api.Containers
	if h.call(200, api.GetContainers, api.List{ShowNested: true, ShowEnded: true}, &list); len(list.Containers) > 0 {
		t.Errorf("what came of them: %+v", list.Containers)
	}
}

// TestTimings checks that the answer to a launch has the steps of the launch, in order.
func TestTimings(t *testing.T) {
	h := newHost(t)
	body, err := api.NewMessage(api.LaunchContainer,
		api.Launch{ContainerID: id("task"), Command: sh("sleep 1000"), Container: h.in()})
	if err != nil {
		t.Fatal(err)
	}
	answer := h.open(nil, strings.NewReader(string(body)))
	defer answer.Body.Close()
	steps := answer.Header.Values(api.Timing)
	if len(steps) < 5 || !strings.HasPrefix(steps[0], `step;desc="intent";dur=`) ||
		!strings.HasPrefix(steps[len(steps)-1], `step;desc="running";dur=`) {
		t.Errorf("%d %q", answer.StatusCode, steps)
	}
	h.remove("task")
}
