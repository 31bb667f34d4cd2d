package cephfs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
)

// kernelHasClient returns true if the kernel can mount CephFS itself.
func kernelHasClient() bool {
	list, err := os.ReadFile("/proc/filesystems")
	return err == nil && bytes.Contains(list, []byte("\tceph\n"))
}

// mountByKernel mounts by mount(2), in the syntax of ceph.rst that all kernels accept. The key is in
// the request to the helper, which is a message on a socket, and in no command line or error.
func (mt *mount) mountByKernel(ctx context.Context, k key) error {
	request, err := mt.kernelRequest(k)
	if err != nil {
		return err
	}
	if _, err := mt.config.Helper.Do(ctx, request); err != nil {
		return fmt.Errorf("by the kernel's client: %w (the kernel's log has more, see dmesg(1))", err)
	}
	return nil
}

func (mt *mount) kernelRequest(k key) (helper.Request, error) {
	if len(mt.Spec.Options) > 0 {
		return helper.Request{}, &mctr.UnsupportedError{Feature: "volume options of Ceph's configuration",
			Why: "the kernel's client mounts the volume, and does not have them"}
	}
	secret := k.secret(mt.Spec.Client)
	if secret == "" || strings.ContainsAny(secret, ", \n") {
		return helper.Request{}, fmt.Errorf("%w: %s does not have a key of client.%s", mctr.ErrInvalid, k.path,
			mt.Spec.Client)
	}
	data := "name=" + mt.Spec.Client + ",secret=" + secret
	if mt.Spec.Filesystem != "" {
		data += ",mds_namespace=" + mt.Spec.Filesystem
	}
	r := helper.Request{Verb: helper.VerbMount, Type: "ceph", Path: mt.root(), Data: data,
		Source: strings.Join(mt.Spec.Monitors, ",") + ":" + mt.Spec.Path, Flags: unix.MS_NOSUID | unix.MS_NODEV}
	if mt.Spec.ReadOnly {
		r.Flags |= unix.MS_RDONLY
	}
	return r, nil
}
