package cephfs

import (
	"fmt"

	"github.com/moby/sys/mountinfo"
)

// mountedDevice returns the device, MAJOR:MINOR, that is mounted at the mount point, or "" if nothing
// is. It reads mountinfo, which never waits for a filesystem.
func (mt *mount) mountedDevice() (string, error) {
	infos, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(mt.root()))
	if err != nil || len(infos) == 0 {
		return "", err
	}
	top := infos[len(infos)-1]
	return fmt.Sprintf("%d:%d", top.Major, top.Minor), nil
}
