package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// TestLife runs a container through its life, and checks the status codes of Mesos.
func TestLife(t *testing.T) {
	h := newHost(t)
	job := api.ID{ContainerID: id("job")}
	h.call(404, api.WaitContainer, job, nil)
	h.call(404, api.KillContainer, job, nil)
	h.call(404, api.RemoveContainer, job, nil)
	h.launch("job", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done")
	launch := api.Launch{ContainerID: id("job"), Command: sh("echo another"), Container: h.in()}
	h.call(202, api.LaunchContainer, launch, nil) // without an effect on the container
	h.call(409, api.RemoveContainer, job, nil)
	var list api.Containers
	h.call(200, api.GetContainers, nil, &list)
	if len(list.Containers) != 1 || list.Containers[0].ContainerID != id("job") ||
		list.Containers[0].ContainerStatus.ExecutorPid == 0 ||
		list.Containers[0].ResourceStatistics == nil || list.Containers[0].ResourceStatistics.MemTotalBytes == 0 {
		t.Errorf("containers: %+v", list)
	}
	h.eventually("it is ready", func() bool {
		return strings.Contains(h.get(200, "/files/read?path=/containers/job/sandbox/stdout&offset=0"), "ready")
	})
	term := 15
	h.call(200, api.KillContainer, api.Kill{ContainerID: id("job"), Signal: &term}, nil)
	for range 2 {
		if end := h.wait("job"); end.ExitStatus != 7<<8 || end.State != "TASK_FAILED" || end.Mctr.ExitCode != 7 {
			t.Errorf("the end: %+v", end)
		}
	}
	h.call(409, api.KillContainer, job, nil)
	h.call(409, api.LaunchContainer, launch, nil)
	h.call(200, api.RemoveContainer, job, nil)
	h.call(404, api.WaitContainer, job, nil)
}

// TestEnds checks the state and reason that Mesos has for each kind of termination.
func TestEnds(t *testing.T) {
	h := newHost(t)
	h.launch("fine", "true")
	h.launch("killed", "sleep 100")
	h.call(200, api.KillContainer, api.Kill{ContainerID: id("killed")}, nil)
	memory := api.Launch{
		ContainerID: id("greedy"), Command: sh("dd if=/dev/zero of=/dev/null bs=200M"), Container: h.in(),
		Resources: []api.Resource{{Name: "mem", Type: "SCALAR", Scalar: &api.Scalar{Value: 32}}},
	}
	h.call(200, api.LaunchContainer, memory, nil)
	h.launch("destroyed", "sleep 100")
	h.call(200, api.DestroyContainer, api.ID{ContainerID: id("destroyed")}, nil)
	for name, want := range map[string]api.Termination{
		"fine":      {ExitStatus: 0, State: "TASK_FINISHED"},
		"killed":    {ExitStatus: 9, State: "TASK_FAILED"},
		"greedy":    {ExitStatus: 9, State: "TASK_FAILED", Reason: "REASON_CONTAINER_LIMITATION_MEMORY"},
		"destroyed": {ExitStatus: 9, State: "TASK_KILLED"},
	} {
		end := h.wait(name)
		if end.ExitStatus != want.ExitStatus || end.State != want.State || end.Reason != want.Reason {
			t.Errorf("%s: %+v, want %+v", name, end, want)
		}
		if name == "greedy" && (end.Limitation == nil || end.Limitation.Resources[0].Scalar.Value != 32) {
			t.Errorf("the limit that was broken: %+v", end.Limitation)
		}
		h.remove(name)
	}
}

// TestNested runs a nested container with the older and the newer calls.
func TestNested(t *testing.T) {
	h := newHost(t)
	h.call(400, api.LaunchNestedContainer, api.LaunchNested{ContainerID: id("task.side"), Command: sh("true")}, nil)
	h.launch("task", "sleep 100")
	h.call(400, api.LaunchNestedContainer, api.LaunchNested{ContainerID: id("task"), Command: sh("true")}, nil)
	h.call(200, api.LaunchNestedContainer,
		api.LaunchNested{ContainerID: id("task.side"), Command: sh("exit 3"), Container: h.in()}, nil)
	h.call(200, api.LaunchContainer,
		api.Launch{ContainerID: id("task.other"), Command: sh("sleep 100"), Container: h.in()}, nil)
	var end api.Termination
	h.call(200, api.WaitNestedContainer, api.ID{ContainerID: id("task.side")}, &end)
	if end.ExitStatus != 3<<8 {
		t.Errorf("its end: %+v", end)
	}
	h.call(200, api.RemoveNestedContainer, api.ID{ContainerID: id("task.side")}, nil)
	for _, c := range []struct {
		list api.List
		want []string
	}{{api.List{}, []string{"task"}}, {api.List{ShowNested: true}, []string{"task", "task.other"}}} {
		var got api.Containers
		h.call(200, api.GetContainers, c.list, &got)
		var names []string
		for _, container := range got.Containers {
			names = append(names, string(container.ContainerID))
		}
		if slices.Sort(names); !slices.Equal(names, c.want) {
			t.Errorf("%+v: %q, want %q", c.list, names, c.want)
		}
	}
	h.call(200, api.KillNestedContainer, api.Kill{ContainerID: id("task.other")}, nil)
	if end := h.wait("task.other"); end.ExitStatus != 9 {
		t.Errorf("killed: %+v", end)
	}
	h.remove("task")
}

// TestRefused checks that unsupported features are refused by name, and nothing is created.
func TestRefused(t *testing.T) {
	h := newHost(t)
	const fine = `"command":{"value":"true"},`
	mesos := func(more string) string { return fine + `"container":{"type":"MESOS",` + more + `}` }
	for _, c := range []struct{ launch, want string }{
		{`"command":{"value":"true","uris":[{"value":"http://x"}]}`, "command.uris"},
		{`"command":{"value":"true","environment":{"variables":[{"name":"A","type":"SECRET","secret":{}}]}}`,
			"want a secret of type VALUE"},
		{`"command":{"valeu":"true"}`, "valeu"},
		{fine + `"container":{"type":"DOCKER"}`, "DOCKER"},
		{mesos(`"network_infos":[{"name":"net"}]`), "no network net"},
		{mesos(`"network_infos":[{"name":"net","groups":["a"]}]`), "network_infos.groups"},
		{mesos(`"network_infos":[{}]`), "has no name"},
		{mesos(`"volumes":[{"mode":"RW","container_path":"/x","source":{"type":"CSI_VOLUME","csi_volume":{}}}]`),
			"CSI_VOLUME"},
		{mesos(`"volumes":[{"mode":"RW","container_path":"/x","image":{"type":"DOCKER"}}]`), "image"},
		{mesos(`"linux_info":{"seccomp":{"profile_name":"x"}}`), "profile_name"},
		{mesos(`"linux_info":{"share_cgroups":true}`), "share_cgroups"},
		{mesos(`"linux_info":{"bounding_capabilities":{"capabilities":["KILL"]},"effective_capabilities":{"capabilities":[]}}`), "effective_capabilities"},
		{mesos(`"linux_info":{"effective_capabilities":{"capabilities":["NOT_ONE"]}}`), "NOT_ONE"},
		{mesos(`"rlimit_info":{"rlimits":[{"type":"RLMT_NOFILE","soft":1}]}`), "RLMT_NOFILE"},
		{mesos(`"mesos":{"image":{"type":"APPC"}}`), "APPC"},
		{mesos(`"mesos":{"image":{"type":"DOCKER","docker":{"name":"oci:./here"}}}`), "absolute"},
		{mesos(`"mesos":{"image":{"type":"DOCKER","docker":{"name":"oci:/nowhere"}}}`), "/nowhere"},
		{fine + `"resources":[{"name":"disk","type":"SCALAR","scalar":{"value":0}}]`, "disk"},
		{fine + `"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"web"}]`, "role"},
		{fine + `"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]`, "cpus"},
		{fine + `"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":"Infinity"}}]`, "cpus"},
		{fine + `"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{}]}]`, "unreserved"},
		{`"mctr":{}`, "mctr.config"},
		{fine + `"mctr":{"config":{}}`, "no other field"},
		{`"mctr":{"config":{"owner":"cli","process":{"args":["true"]}}}`, "owner"},
		{`"mctr":{"config":{"memory":"64m"}}`, "memory"},
		{`"resources":[]`, "neither a command nor an image"},
	} {
		body := `{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":{"value":"x"},` + c.launch + `}}`
		if code, answer := h.post(nil, strings.NewReader(body)); code != 400 ||
			!strings.Contains(string(answer), c.want) {
			t.Errorf("%s: %d %s, want 400 that names %s", c.launch, code, answer, c.want)
		}
	}
}

// TestNetworkInfos attaches a container with the fields of Mesos: a fixed address, labels for the
// plugins, and a published port.
func TestNetworkInfos(t *testing.T) {
	h := newHost(t)
	body := `{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":{"value":"web"},
		"command":{"shell":true,"value":"exec busybox httpd -f -p 80 -h /etc"},
		"container":{"type":"MESOS","mesos":{"image":{"type":"DOCKER","docker":{"name":"` + h.image + `"}}},
			"network_infos":[{"name":"bridge","labels":{"labels":[{"key":"role","value":"server"}]},"port_mappings":[{"host_port":0,"container_port":80}]}]}}}`
	if code, answer := h.post(nil, strings.NewReader(body)); code != 200 {
		t.Fatal(code, string(answer))
	}
	var status mctr.Status
	h.call(200, api.InspectContainer, api.ID{ContainerID: id("web")}, &status)
	if len(status.Networks) != 1 || len(status.Ports) != 1 || status.Config.Networks[0].Labels["role"] != "server" {
		t.Fatalf("networks %+v, ports %v", status.Networks, status.Ports)
	}
	address := fmt.Sprintf("http://127.0.0.1:%d/hostname", status.Ports[0].HostPort)
	h.eventually("the port leads to it", func() bool {
		answer, err := http.Get(address)
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == 200
	})
	h.call(200, api.KillContainer, api.ID{ContainerID: id("web")}, nil)
	h.wait("web")
	h.remove("web")
	if left, _ := filepath.Glob(h.root + "/cni/attachments/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestWords launches a container with all supported fields of Mesos, and checks their effect in it.
func TestWords(t *testing.T) {
	h := newHost(t)
	data := t.TempDir()
	body := `{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":{"value":"job"},
		"command":{"shell":false,"value":"/bin/sh","arguments":["sh","-c","id -u; hostname; pwd; echo $A; ulimit -n; mount | grep -c ' /data '; touch /data/x && echo wrote; echo mine >/own/file; nproc; grep CapEff /proc/self/status"],
			"user":"user","environment":{"variables":[{"name":"A","value":"a value"}]}},
		"container":{"type":"MESOS","hostname":"inside","mesos":{"image":{"type":"DOCKER","docker":{"name":"` + h.image + `"},"cached":true}},
			"volumes":[{"mode":"RO","container_path":"/data","host_path":"` + data + `"},
				{"mode":"RW","container_path":"/own","source":{"type":"SANDBOX_PATH","sandbox_path":{"type":"SELF","path":"own"}}}],
			"rlimit_info":{"rlimits":[{"type":"RLMT_NOFILE","soft":77,"hard":88}]},
			"linux_info":{"ipc_mode":"PRIVATE","shm_size":8,"share_cgroups":false,"effective_capabilities":{"capabilities":["KILL"]}}},
		"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5},"role":"*"},{"name":"mem","type":"SCALAR","scalar":{"value":64}}],
		"limits":{"cpus":{"value":1},"mem":{"value":128}}}}`
	if code, answer := h.post(nil, strings.NewReader(body)); code != 200 {
		t.Fatal(code, string(answer))
	}
	h.wait("job")
	var status mctr.Status
	h.call(200, api.InspectContainer, api.ID{ContainerID: id("job")}, &status)
	r := status.Config.Resources
	if *r.CPU.Shares != 512 || *r.CPU.Quota != 100_000 || *r.Memory.Reservation != 64<<20 ||
		*r.Memory.Limit != 128<<20 || status.Config.Owner != "agent" {
		t.Errorf("resources: %+v, owner %s", r, status.Config.Owner)
	}
	var out struct{ Data string }
	if err := json.Unmarshal([]byte(h.get(200, "/files/read?path=/containers/job/sandbox/stdout&offset=0")),
		&out); err != nil {
		t.Fatal(err)
	}
	if want := "1000\ninside\n/\na value\n77\n1\n"; !strings.HasPrefix(out.Data, want) ||
		strings.Contains(out.Data, "wrote") {
		t.Errorf("inside: %q, want %q", out.Data, want)
	}
	h.remove("job")
}
