package cephfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/inherit"
)

// controllers are the cgroup v1 controllers that account for ceph-fuse, and those by which service
// managers kill.
var controllers = []string{"memory", "pids", "freezer", "systemd"}

// startFuse starts ceph-fuse and waits until it has mounted. The error has what ceph-fuse said.
func (mt *mount) startFuse(ctx context.Context, k key) error {
	program, err := inherit.Program("ceph-fuse")
	if err != nil {
		return &mctr.UnsupportedError{Feature: "a volume of cephfs",
			Why:    "the kernel has no Ceph client, and there is no ceph-fuse: " + err.Error(),
			Remedy: "apt-get install ceph-fuse, or load the kernel module ceph"}
	}
	log, errLog := os.OpenFile(mt.file("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	alive, errAlive := os.OpenFile(mt.file("alive"), os.O_CREATE|os.O_RDWR, 0o600)
	if err := errors.Join(errLog, errAlive); err != nil {
		return err
	}
	defer log.Close()
	defer alive.Close()
	cmd := exec.Command(program, mt.fuseArguments(k)...)
	cmd.Env = []string{inherit.Path, "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{alive}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := inherit.Start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // mountinfo and the log say what became of it
	if err := failpoint.Hit("cephfs/started"); err != nil {
		return err
	}
	if err := mt.update(func(r *record) { r.Fuse = newProcess(cmd.Process.Pid) }); err != nil {
		return err
	}
	if mt.Group != "" {
		if err := cgroup.Join(mt.Group, cmd.Process.Pid, controllers...); err != nil {
			return fmt.Errorf("move ceph-fuse to its control group: %w", err)
		}
	}
	return mt.waitMounted(ctx, ended)
}

func (mt *mount) fuseArguments(k key) []string {
	file := "--keyfile=" + k.path
	if k.keyring {
		file = "--keyring=" + k.path
	}
	args := []string{"-f", "-c", "/dev/null", "-n", "client." + mt.Spec.Client,
		"--mon_host=" + strings.Join(mt.Spec.Monitors, ","), file,
		"--client_mountpoint=" + mt.Spec.Path,
		fmt.Sprintf("--client_mount_timeout=%d", max(1, int(mt.config.MountTime.Seconds()))),
		// ceph-fuse tries a remount in the background. If it were to try five times, an unmount soon after
		// the mount would take five seconds.
		"--client_max_retries_on_remount_failure=1",
		"--log_file=", "--crash_dir=", "--admin_socket=" + mt.socket()}
	if mt.Spec.Filesystem != "" {
		args = append(args, "--client_fs="+mt.Spec.Filesystem)
	}
	for _, name := range slices.Sorted(maps.Keys(mt.Spec.Options)) {
		args = append(args, "--"+name+"="+mt.Spec.Options[name])
	}
	args = append(args, mt.root())
	if mt.Spec.ReadOnly {
		args = append(args, "-o", "ro")
	}
	return args
}

// waitMounted waits until the mount exists, ceph-fuse has ended, or ctx is over.
func (mt *mount) waitMounted(ctx context.Context, ended <-chan struct{}) error {
	for {
		if device, err := mt.mountedDevice(); err != nil || device != "" {
			return err
		}
		select {
		case <-ended:
			return mt.refused(nil)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return context.Cause(ctx)
			}
			return mt.refused(helper.ErrHung)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// refused returns the error for what ceph-fuse said.
func (mt *mount) refused(why error) error {
	said := mt.saidLast()
	for _, r := range reasons {
		if strings.Contains(said, r.text) {
			return fmt.Errorf("%w: %s: ceph-fuse said: %s", r.is, r.means, said)
		}
	}
	if why == nil {
		why = errors.New("ceph-fuse has ended")
	}
	return fmt.Errorf("%w: ceph-fuse said: %s", why, said)
}

// reasons are what ceph-fuse says, and what it means. The first that occurs in its log counts.
var reasons = []struct {
	text, means string
	is          error
}{
	{"rejected us", "the client's key does not permit this path", fs.ErrPermission},
	{"handle_auth_bad_method", "the monitors do not accept the client's key", fs.ErrPermission},
	{"(2) No such file or directory", "the path, or the filesystem, does not exist", fs.ErrNotExist},
	{"failed to fetch mon config", "no monitor answers", helper.ErrHung},
	{"probably no MDS server is up", "no metadata server answers", helper.ErrHung},
	{"fuse: device not found", "the kernel has no FUSE (load the module fuse)", mctr.ErrUnsupported},
}

// saidLast returns the end of ceph-fuse's log in one line.
func (mt *mount) saidLast() string {
	const most = 600
	data, err := os.ReadFile(mt.file("log"))
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return "(nothing)"
	}
	lines := strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "init, newargv") })
	text := strings.Join(lines, "; ")
	return text[max(0, len(text)-most):]
}
