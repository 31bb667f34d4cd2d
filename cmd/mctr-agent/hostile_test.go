package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// TestHostileBodies checks that malformed bodies are refused, and that the agent keeps serving calls.
func TestHostileBodies(t *testing.T) {
	h := newHost(t)
	launch := func(id string) string {
		return `{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":` + id + `,"command":{"value":"true"}}}`
	}
	for _, c := range []struct {
		name, body string
		want       int
	}{
		{"empty", "", 400},
		{"blank", "  \n", 400},
		{"no JSON", "hello", 400},
		{"cut off", `{"type":"GET_VERSION"`, 400},
		{"cut in a string", `{"type":"GET_VER`, 400},
		{"null", "null", 400},
		{"an array", `[{"type":"GET_VERSION"}]`, 400},
		{"a number", "1", 400},
		{"no type", `{}`, 400},
		{"a type that is none", `{"type":1}`, 400},
		{"a type that is null", `{"type":null}`, 400},
		{"an unknown type", `{"type":"DROP_TABLES"}`, 400},
		{"a long type", `{"type":"` + strings.Repeat("A", 1<<20) + `"}`, 400},
		{"a long name", `{"type":"GET_VERSION","` + strings.Repeat("é", 1<<20) + `":1}`, 400},
		{"a long name twice", `{"` + strings.Repeat("A", 1<<20) + `":1,"` + strings.Repeat("A", 1<<20) + `":1}`, 400},
		{"two types", `{"type":"GET_VERSION","type":"GET_HEALTH"}`, 400},
		{"two calls", `{"type":"GET_VERSION"}{"type":"GET_VERSION"}`, 400},
		{"something behind", `{"type":"GET_VERSION"} x`, 400},
		{"another call's arguments", `{"type":"GET_VERSION","wait_container":{}}`, 400},
		{"no arguments", `{"type":"WAIT_CONTAINER"}`, 400},
		{"arguments that are null", `{"type":"WAIT_CONTAINER","wait_container":null}`, 400},
		{"arguments of the wrong type", `{"type":"WAIT_CONTAINER","wait_container":"x"}`, 400},
		{"an id twice", `{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"a","value":"b"}}}`, 400},
		{"an id that is a string", launch(`"x"`), 400},
		{"an id that is empty", launch(`{"value":""}`), 400},
		{"an id that is a path", launch(`{"value":"../../etc"}`), 400},
		{"an id with a slash", launch(`{"value":"a/b"}`), 400},
		{"an id with a dot", launch(`{"value":"a.b"}`), 400},
		{"an id with a NUL", launch(`{"value":"a\u0000"}`), 400},
		{"an endless id", launch(`{"value":"` + strings.Repeat("a", 1000) + `"}`), 400},
		{"endless parents",
			launch(strings.Repeat(`{"value":"a","parent":`, 5000) + `{"value":"a"}` + strings.Repeat("}", 5000)), 400},
		{"deep JSON", strings.Repeat("[", 4<<20), 400},
		{"deep objects", strings.Repeat(`{"type":`, 1<<19), 400},
		{"no UTF-8", "{\"type\":\"\xff\xfe\"}", 400},
		{"a signal that is none",
			`{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"a"},"signal":99}}`, 400},
		{"a number out of range",
			`{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"a"},"signal":1e400}}`, 400},
		{"huge", `{"type":"` + strings.Repeat("A", 5<<20) + `"}`, 413},
	} {
		code, answer := h.post(nil, strings.NewReader(c.body))
		if code != c.want || len(answer) > 4096 {
			t.Errorf("%s: %d %.300s, want %d", c.name, code, answer, c.want)
		}
		described(t, "Failure", answer)
	}
	h.call(200, api.GetVersion, nil, nil)
}

// raw sends bytes, and returns everything that the agent sends until it closes the connection.
func (h *host) raw(text string, halfClose bool) string {
	h.t.Helper()
	conn, err := net.Dial("unix", h.socket())
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return err.Error()
	}
	if unixConn, ok := conn.(*net.UnixConn); ok && halfClose {
		_ = unixConn.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	data, _ := io.ReadAll(conn)
	return string(data)
}

// TestBrokenHTTP sends malformed and truncated requests.
func TestBrokenHTTP(t *testing.T) {
	h := newHost(t)
	post := "POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	for _, c := range []struct{ name, text, want string }{
		{"no HTTP", "hello\r\n\r\n", "400"},
		{"less than was promised", post + "Content-Length: 100\r\n\r\n{\"type\":", "400"},
		{"a cut chunk", post + "Transfer-Encoding: chunked\r\n\r\nff\r\n{\"type\"", "400"},
		{"a chunk that is none", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
		{"endless headers",
			"GET /healthz HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100) +
				"\r\n", "431"},
		{"another method", "DELETE /api/v1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405"},
		{"another path", "GET /etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404"},
		{"a path outwards", "GET /files/../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ""},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
		{"nothing", "", ""},
	} {
		got := h.raw(c.text, true)
		if !strings.Contains(strings.SplitN(got+"\r\n", "\r\n", 2)[0], c.want) || strings.Contains(got, "root:") {
			t.Errorf("%s: %.200q, want %s", c.name, got, c.want)
		}
	}
	h.call(200, api.GetVersion, nil, nil)
}

// TestIdleClients checks that clients with incomplete requests delay no other client, and are
// disconnected after a while.
func TestIdleClients(t *testing.T) {
	h := newHost(t)
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() { h.raw("GET /healthz HTTP/1.1\r\nHost:", false) })
	}
	for range 20 {
		began := time.Now()
		h.call(200, api.GetVersion, nil, nil)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a call waited %s", took)
		}
	}
	all.Wait() // until each connection is closed
}

// TestSlowReader checks that a client that does not read the output it asked for stops neither the
// container nor other clients.
func TestSlowReader(t *testing.T) {
	h := newHost(t)
	h.launch("loud", "sleep 0.5; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo done")
	slow := h.attach("loud")
	if end := h.wait("loud"); end.ExitStatus != 0 {
		t.Errorf("the end: %+v", end)
	}
	if _, err := slow.next(); err != nil {
		t.Errorf("what the slow one gets: %v", err)
	}
	h.remove("loud")
}

// descriptors returns the number of open files of the agent, except the files that it keeps open to
// read the usage of running containers.
func (h *host) descriptors() (open int) {
	dir := fmt.Sprintf("/proc/%d/fd/", h.cmd.Process.Pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if to, _ := os.Readlink(dir + e.Name()); !strings.HasPrefix(to, "/sys/fs/cgroup/") &&
			!strings.HasSuffix(to, "/net/dev") {
			open++
		}
	}
	return open
}

// TestManyClients runs fifty clients at once, some of which disconnect during a call, and checks that
// the agent leaks nothing.
func TestManyClients(t *testing.T) {
	h := newHost(t)
	h.launch("shared", "sleep 1000")
	h.session("shared.warm", "true").text(t)
	h.client.CloseIdleConnections()
	before := 0
	h.eventually("it is quiet", func() bool { n := h.descriptors(); quiet := n == before; before = n; return quiet })
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			name := fmt.Sprintf("job%d", i)
			switch i % 5 {
			case 0:
				h.launch(name, "exit "+fmt.Sprint(i))
				if end := h.wait(name); end.ExitStatus != i<<8 {
					t.Errorf("%s: %+v", name, end)
				}
				h.remove(name)
			case 1:
				if got := h.session("shared."+name, "echo "+name).text(t); got != name+"\n" {
					t.Errorf("session %s: %q", name, got)
				}
			case 2:
				h.leaves(api.LaunchNestedContainerSession,
					api.LaunchNested{ContainerID: id("shared." + name), Command: sh("sleep 1000")})
			case 3:
				h.leaves(api.WaitContainer, api.ID{ContainerID: id("shared")})
				h.leaves(api.WatchEvents, mctr.EventOptions{Follow: true})
			case 4:
				h.get(200, "/metrics")
				h.call(200, api.GetContainers, api.List{ShowNested: true, ShowEnded: true}, nil)
				h.leaves(api.AttachContainerOutput, api.ID{ContainerID: id("shared")})
			}
		})
	}
	all.Wait()
	h.client.CloseIdleConnections()
	h.eventually("the agent holds no more than before", func() bool { return h.descriptors() <= before+2 })
	if n := h.descriptors(); n > before+2 {
		out, _ := exec.Command("ls", "-l", fmt.Sprintf("/proc/%d/fd", h.cmd.Process.Pid)).CombinedOutput()
		t.Errorf("%d descriptors, %d before:\n%s", n, before, out)
	}
	var list api.Containers
	h.eventually("nothing but the first container is left", func() bool {
		h.call(200, api.GetContainers, api.List{ShowNested: true}, &list)
		return len(list.Containers) == 1
	})
	h.remove("shared")
}

// leaves makes a call and disconnects before the answer.
func (h *host) leaves(kind string, arguments any) {
	h.t.Helper()
	body, err := api.NewMessage(kind, arguments)
	if err != nil {
		h.t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+api.Path, bytes.NewReader(body))
	if err != nil {
		h.t.Error(err)
		return
	}
	r.Header = asJSON()
	if answer, err := h.client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

// TestHostileStream sends malformed chunks on a connection with the streams of a container.
func TestHostileStream(t *testing.T) {
	h := newHost(t)
	h.launch("task", "sleep 1000")
	call := `{"type":"EXEC_CONTAINER","exec_container":{"container_id":{"value":"task"},"args":["sleep","999"],"stdin":true}}`
	head := fmt.Sprintf("POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"+
		"Connection: Upgrade\r\nUpgrade: mctr-stream\r\nContent-Length: %d\r\n\r\n", len(call))
	for name, rest := range map[string]string{"a chunk too long": "\x00\xff\xff\xff\xff",
		"a cut chunk": "\x00\x00\x00\x00\x09abc", "an unknown stream": "\x63\x00\x00\x00\x01a",
		"a size that is none": "\x03\x00\x00\x00\x01a"} {
		conn, err := net.Dial("unix", h.socket())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, head+call+rest); err != nil {
			t.Error(err)
		}
		begin := make([]byte, 13)
		if _, err := io.ReadFull(conn, begin); err != nil || string(begin) != "HTTP/1.1 101 " {
			t.Errorf("%s: %q, %v", name, begin, err)
		}
		_ = conn.Close()
	}
	h.eventually("no command is left", func() bool { return !strings.Contains(h.look("ps"), "sleep 999") })
	h.remove("task")
}

// TestEndOfAgent checks that waiting clients get an answer at once when the agent stops, and that the
// container keeps running.
func TestEndOfAgent(t *testing.T) {
	h := newHost(t)
	h.launch("task", "sleep 1000")
	waiting := make(chan int, 1)
	go func() {
		code, _ := h.post(nil,
			strings.NewReader(`{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"task"}}}`))
		waiting <- code
	}()
	time.Sleep(100 * time.Millisecond) // time for the call to arrive; it must be answered in any case
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the agent took %s to end", took)
	}
	if code := <-waiting; code != http.StatusServiceUnavailable {
		t.Errorf("a waiting client gets %d", code)
	}
	if exists(h.socket()) {
		t.Error("the socket is left")
	}
	h.start()
	h.remove("task")
}

// TestLeftLaunch checks that nothing is left of a launch whose client disconnects while the image is
// pulled from a registry that does not answer.
func TestLeftLaunch(t *testing.T) {
	h := newHost(t)
	registry, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	asked := make(chan struct{})
	go func() {
		if conn, err := registry.Accept(); err == nil {
			close(asked)
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	launch := api.Launch{ContainerID: id("job"), Container: &api.ContainerInfo{Type: "MESOS", Mesos: &api.MesosInfo{
		Image: &api.Image{Type: "DOCKER", Docker: &api.DockerImage{Name: registry.Addr().String() + "/slow"}},
	}}}
	h.leaves(api.LaunchContainer, launch)
	select {
	case <-asked:
	case <-time.After(10 * time.Second):
		t.Fatal("the registry was not asked")
	}
	h.eventually("the launch is taken back", func() bool {
		var list api.Containers
		h.call(200, api.GetContainers, api.List{ShowEnded: true}, &list)
		return len(list.Containers) == 0
	})
}
