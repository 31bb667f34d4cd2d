package main

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/mctr/mctr/agent/api"
)

// TestMetrics checks the metrics, and that clients cannot create new labels.
func TestMetrics(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	h := newHost(t, "--metrics-address", address)
	h.launch("runs", "sleep 100")
	h.launch("ends", "exit 3")
	h.wait("ends")
	h.call(404, api.WaitContainer, api.ID{ContainerID: id("nobody")}, nil)
	for _, made := range []string{"ONE", "TWO", strings.Repeat("X", 1000)} {
		h.post(nil, strings.NewReader(`{"type":"`+made+`"}`))
	}
	var got string
	want := []string{
		`mctr_api_requests_total{call="LAUNCH_CONTAINER",code="200"} 2`,
		`mctr_api_requests_total{call="WAIT_CONTAINER",code="404"} 1`,
		`mctr_api_requests_total{call="unknown",code="400"} 3`, `mctr_task_start_seconds_count{phase="total"} 2`,
		`mctr_task_start_seconds_count{phase="isolating"} 2`,
		`mctr_containers{state="running"} 1`, `mctr_containers{state="exited"} 1`, `mctr_containers{state="paused"} 0`,
		`mctr_container_starts_total 2`, `mctr_container_ends_total{reason="EXITED"} 1`, `mctr_containers_processes 1`,
		`mctr_container_processes{container_id="runs",name=""} 1`,
		`mctr_container_cpu_seconds_total{container_id="runs",name=""} `,
		`mctr_containers_cpu_seconds_total `, `mctr_api_wait_seconds_count{call="WAIT_CONTAINER"} 2`,
		`mctr_build_info{version=`, "# HELP mctr_task_start_seconds ", "process_open_fds ",
	}
	h.eventually("everything is counted", func() bool {
		answer, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var text strings.Builder
		if err := answer.Write(&text); err != nil {
			t.Fatal(err)
		}
		got = text.String()
		for _, line := range want {
			if !strings.Contains(got, line) {
				return false
			}
		}
		return true
	})
	for _, line := range want {
		if !strings.Contains(got, line) {
			t.Errorf("no %s", line)
		}
	}
	for _, wrong := range []string{`api_request_seconds_count{call="WAIT_CONTAINER"}`, `container_id="ends"`} {
		if strings.Contains(got, wrong) {
			t.Errorf("unexpected metric %s", wrong)
		}
	}
	if strings.Contains(got, `"ONE"`) {
		t.Error("clients make labels up")
	}
	answer, err := http.Post("http://"+address+api.Path, api.JSON, strings.NewReader(`{"type":"GET_VERSION"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != 404 {
		t.Errorf("a call where metrics are: %d", answer.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	h.remove("runs", "ends")
}
