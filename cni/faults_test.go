package cni_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// TestSickPlugins attaches through a plugin that fails at ADD after another plugin has succeeded.
// The error must name the problem, and nothing may be left.
func TestSickPlugins(t *testing.T) {
	subnet := 0
	for name, c := range map[string]struct {
		add, says string
		is        error
	}{
		"hangs":            {"hang", "still running after", context.DeadlineExceeded},
		"crashes":          {"crash", "about to crash", nil},
		"refuses":          {"refuse", "the datastore is down; dial tcp: refused", nil},
		"prints garbage":   {"garbage", "not JSON", mctr.ErrInvalid},
		"floods":           {"flood", "longer than", mctr.ErrInvalid},
		"of another world": {`{"cniVersion": "9.0.0"}`, "9.0.0", nil},
		"wrong address":    {`{"cniVersion": "1.0.0", "ips": [{"address": "300.1.1.1/24"}]}`, "300.1.1.1", nil},
		"of no interface": {`{"cniVersion": "1.0.0", "ips": [{"address": "10.1.1.1/24", "interface": 7}]}`,
			"interface is 7", mctr.ErrInvalid},
		"unspecified": {`{"cniVersion": "1.0.0", "ips": [{"address": "0.0.0.0/0"}]}`, "is not valid for a container",
			mctr.ErrInvalid},
		"claims an address": {`{"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": "x"}], "ips": [{"address": "10.9.9.9/24", "interface": 0}]}`, "lacks this address", mctr.ErrInvalid},
	} {
		subnet++
		list := bridge("1.0.0", "net", fmt.Sprintf("10.30.%d.0/24", subnet),
			fmt.Sprintf(`{"type": "fake", "on": {"ADD": %q}}`, c.add))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.slow(2 * time.Second)
			h.write("net.conflist", list)
			_, err := h.attach("box", "net")
			if err == nil || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("attach: %v, want %q, %v", err, c.says, c.is)
			}
			h.nothingLeft("box")
		})
	}
}

// TestFailsBehindTheFirewall lets an ADD fail, or be killed, after the firewall plugin has
// succeeded. That plugin finds its rules by the previous result. DEL must remove the rules.
func TestFailsBehindTheFirewall(t *testing.T) {
	h := newHost(t)
	list := bridge("1.0.0", "net", "10.38.0.0/24", `{"type": "firewall"}`,
		`{"type": "fake", "log": "$LOG", "on": {"ADD": ""}}`)
	h.write("net.conflist", list)
	h.warm("net")
	h.clean()
	h.write("net.conflist", strings.Replace(list, `"ADD": ""`, `"ADD": "refuse"`, 1))
	if _, err := h.attach("box", "net"); err == nil || !strings.Contains(err.Error(), "the datastore is down") {
		t.Errorf("attach: %v", err)
	}
	h.mustDetach("box")
	h.write("net.conflist", strings.Replace(list, `"ADD": ""`, `"ADD": "{\"cniVersion\": \"9.0.0\"}"`, 1))
	if _, err := h.attach("box", "net"); err == nil || !strings.Contains(err.Error(), "9.0.0") {
		t.Errorf("attach: %v", err)
	}
	h.mustDetach("box")
	h.write("net.conflist", strings.Replace(list, `"ADD": ""`, `"ADD": "slow"`, 1))
	asked := h.asked("ADD")
	cmd := h.attacher("")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.until(func() bool { return h.asked("ADD") > asked })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	h.mustDetach("box")
}

// slow gives plugins less time.
func (h *host) slow(timeout time.Duration) {
	built, err := filepath.Abs("../bin/cni")
	if err != nil {
		h.t.Fatal(err)
	}
	h.Networks = cni.New(
		cni.Config{Root: h.root, State: h.state, ConfigDirs: []string{h.config}, PluginDirs: []string{h.plugins, built},
			Timeout: timeout})
}

// nothingLeft checks that no record, address, lock or interface is left.
func (h *host) nothingLeft(id mctr.ContainerID) {
	h.t.Helper()
	if all, err := h.Attachments(); err != nil || len(all) > 0 {
		h.t.Errorf("records: %+v %v", all, err)
	}
	if left := h.stored(); len(left) > 0 {
		h.t.Errorf("addresses still given out: %v", left)
	}
	out, _ := exec.Command("nsenter", "--net="+h.Namespace(id), "ip", "-o", "link").CombinedOutput()
	if strings.Contains(string(out), "eth0") {
		h.t.Errorf("the interface is still there:\n%s", out)
	}
	h.mustDetach(id)
	if entries, _ := os.ReadDir(filepath.Join(h.root, "attachments")); len(entries) > 0 {
		h.t.Errorf("left behind: %v", entries)
	}
}

// TestPluginPrograms checks that a missing or unusable plugin is named before any plugin runs.
func TestPluginPrograms(t *testing.T) {
	h := newHost(t)
	for file, mode := range map[string]os.FileMode{"plain": 0o644, "script": 0o755} {
		if err := os.WriteFile(filepath.Join(h.plugins, file), []byte("no program\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for plugin, says := range map[string]string{"missing": "is in none of", "plain": "is not executable",
		"a/b": "not a file name"} {
		h.write("net.conflist", `{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "`+plugin+`"}]}`)
		if err := h.Usable(h.find("net")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", plugin, err, says)
		}
	}
	h.write("net.conflist", `{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "script"}]}`)
	if _, err := h.attach("box", "net"); err == nil || !strings.Contains(err.Error(), "exec format error") {
		t.Errorf("a file that is no program: %v", err)
	}
	// The same with DEL: the attachment stays recorded until the plugin works again.
	if all, err := h.Attachments(); err != nil || len(all) != 1 || all[0].Failure == "" {
		t.Fatalf("records: %+v %v", all, err)
	}
	if err := os.WriteFile(filepath.Join(h.plugins, "script"), []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.mustDetach("box")
	h.nothingLeft("box")
}

// TestDelFails checks that an attachment whose DEL fails is kept with the reason, and that DEL is
// repeated.
func TestDelFails(t *testing.T) {
	h := newHost(t)
	list := strings.Replace(
		bridge("1.0.0", "net", "10.31.0.0/24", `{"type": "fake", "log": "$LOG", "on": {"DEL": ""}}`), `"isGateway"`,
		`"ipMasq": true, "isGateway"`, 1)
	h.write("net.conflist", list)
	h.warm("net")
	h.clean() // of the rules too, which the bridge plugin finds by the addresses in the namespace
	h.write("net.conflist", strings.Replace(list, `"DEL": ""`, `"DEL": "refuse"`, 1))
	h.mustAttach("box", "net")
	if err := h.Detach(t.Context(), "box"); err == nil || !strings.Contains(err.Error(), "the datastore is down") {
		t.Errorf("detach: %v", err)
	}
	all, err := h.Attachments()
	if err != nil || len(all) != 1 || all[0].State != cni.Detaching || all[0].Failed != 1 ||
		!strings.Contains(all[0].Failure, "the datastore is down") {
		t.Fatalf("records: %+v %v", all, err)
	}
	if len(h.stored()) != 1 {
		t.Error("the address was freed, and its attachment may still use it")
	}
	asked := h.asked("DEL")
	h.RetryDue(t.Context())
	if h.asked("DEL") != asked {
		t.Error("it was tried again at once")
	}
	h.mend("box", "")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if h.RetryDue(ended); h.asked("DEL") != asked {
		t.Error("it was tried again by whom nobody waits for")
	}
	if all, err = h.Attachments(); err != nil || len(all) != 1 || all[0].Failed != 1 {
		t.Errorf("it was not tried, and its record says so: %+v %v", all, err)
	}
	h.reopen()
	h.RetryDue(t.Context())
	h.nothingLeft("box")
}

// mend changes what a refused DEL does next to word. DEL gets the recorded configuration, so mend
// changes the record. It stands for a datastore that is available again.
func (h *host) mend(id mctr.ContainerID, word string) {
	h.t.Helper()
	record := filepath.Join(h.root, "attachments", id.Hash()+".eth0.json")
	all, err := h.AttachmentsOf(id)
	if err != nil || len(all) != 1 {
		h.t.Fatal(all, err)
	}
	data, err := os.ReadFile(record)
	if err != nil {
		h.t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "refuse", word)
	text = strings.ReplaceAll(text, all[0].Retry.Format(time.RFC3339Nano),
		time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano))
	if err := os.WriteFile(record, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// TestAttachedAnew starts a container again while failed DELs, including its own, are repeated. The
// container must stay attached.
func TestAttachedAnew(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist",
		bridge("1.0.0", "net", "10.35.0.0/24", `{"type": "fake", "log": "$LOG", "on": {"DEL": "refuse"}}`))
	for i, id := range []mctr.ContainerID{"first", "again"} {
		h.mustAttach(id, "net", func(r *cni.Request) { r.Index = i })
		if h.Detach(t.Context(), id) == nil {
			t.Error("DEL was not refused")
		}
	}
	h.mend("first", "slow")
	h.mend("again", "")
	h.write("net.conflist", bridge("1.0.0", "net", "10.35.0.0/24"))
	asked, done := h.asked("DEL"), make(chan struct{})
	go func() {
		defer close(done)
		h.RetryDue(t.Context())
	}()
	h.until(func() bool { return h.asked("DEL") > asked })
	a := h.mustAttach("again", "net")
	<-done
	if all, err := h.AttachmentsOf("again"); err != nil || len(all) != 1 || all[0].State != cni.Attached {
		t.Errorf("records: %+v %v", all, err)
	}
	if got := h.addresses("again", "eth0"); !slices.Equal(got, a.Result.Addresses) {
		t.Errorf("the interface has %v, the record %v", got, a.Result.Addresses)
	}
	h.mustDetach("again")
	h.nothingLeft("first")
}

// asked counts a command in the log of the plugin fake.
func (h *host) asked(command string) int {
	data, _ := os.ReadFile(h.log())
	return strings.Count(string(data), command+"\n")
}

// TestStatusFirst checks that the first ADD is preceded by one STATUS, and that a network that is
// not ready gets no ADD.
func TestStatusFirst(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist", bridge("1.1.0", "net", "10.32.0.0/24", `{"type": "fake", "log": "$LOG"}`))
	h.mustAttach("a", "net")
	h.mustAttach("b", "net")
	defer h.mustDetach("a")
	defer h.mustDetach("b")
	if data, _ := os.ReadFile(h.log()); string(data) != "STATUS\nADD\nADD\n" {
		t.Errorf("asked: %q", data)
	}
	h.write("sick.conflist",
		bridge("1.1.0", "sick", "10.32.1.0/24", `{"type": "fake", "log": "$LOG", "on": {"STATUS": "unready"}}`))
	if _, err := h.attach("c", "sick"); !errors.Is(err, mctr.ErrUnavailable) ||
		!strings.Contains(err.Error(), "no agent here") {
		t.Errorf("attach: %v", err)
	}
	if h.asked("ADD") != 2 {
		t.Error("ADD was asked of a network that is not ready")
	}
	h.mustDetach("c")
}

// attachAndDie attaches a container in a process that a failpoint kills.
func attachAndDie() int {
	words := strings.Split(os.Getenv("MCTR_TEST_ATTACH"), "\x1f")
	n := cni.New(
		cni.Config{Root: words[0], State: words[1], ConfigDirs: []string{words[2]},
			PluginDirs: strings.Split(words[3], ":")})
	network, err := n.Find("net")
	if err == nil {
		_, err = n.Pin("box")
	}
	if err == nil {
		_, err = n.Attach(context.Background(), cni.Request{Container: "box", Network: network, Interface: "eth0"})
	}
	if err == nil {
		err = n.Detach(context.Background(), "box")
	}
	fmt.Println(err)
	return 3
}

// attacher returns another process, which attaches "box" with a failpoint.
func (h *host) attacher(point string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	built, _ := filepath.Abs("../bin/cni")
	cmd.Env = append(os.Environ(), "MCTR_FAILPOINTS="+point,
		"MCTR_TEST_ATTACH="+strings.Join([]string{h.root, h.state, h.config, h.plugins + ":" + built}, "\x1f"))
	return cmd
}

// TestKilled kills the attaching process at each failpoint, and while a plugin works or hangs.
// Another process detaches, and nothing may be left.
func TestKilled(t *testing.T) {
	for _, point := range []string{"cni/intent=kill", "cni/intended=kill", "cni/added=kill", "cni/deleted=kill", "slow",
		"hang"} {
		t.Run(strings.ReplaceAll(point, "/", "-"), func(t *testing.T) {
			h := newHost(t)
			plugin := `{"type": "fake", "log": "$LOG"}`
			if !strings.HasPrefix(point, "cni/") {
				plugin = `{"type": "fake", "log": "$LOG", "on": {"ADD": "` + point + `"}}`
			}
			h.write("net.conflist", bridge("1.0.0", "net", "10.33.0.0/24", `{"type": "fake"}`, plugin))
			cmd := h.attacher(point)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(point, "cni/") {
				h.until(func() bool { return h.asked("ADD") == 1 })
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait()
			if cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("it was not killed: %v", cmd.ProcessState)
			}
			h.mustDetach("box")
			h.nothingLeft("box")
		})
	}
}

func (h *host) until(reached func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !reached(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal("not in time")
		}
	}
}

// TestDestroyedWhileAdding cancels an ADD that hangs. Attach must return at once and leave nothing.
func TestDestroyedWhileAdding(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist",
		bridge("1.0.0", "net", "10.34.0.0/24", `{"type": "fake", "log": "$LOG", "on": {"ADD": "hang"}}`))
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := h.Pin("box"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := h.Attach(ctx, cni.Request{Container: "box", Network: h.find("net"), Interface: "eth0"})
		done <- err
	}()
	h.until(func() bool { return h.asked("ADD") == 1 })
	cancel(mctr.ErrDestroyed)
	if err := <-done; !errors.Is(err, mctr.ErrDestroyed) {
		t.Errorf("attach: %v", err)
	}
	h.nothingLeft("box")
}
