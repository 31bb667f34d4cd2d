package api

import "github.com/mctr/mctr"

// An ID is the argument of calls that need only a container.
type ID struct {
	ContainerID ContainerID `json:"container_id"`
}

// A Kill sends a signal to a container. The default is SIGKILL.
type Kill struct {
	ContainerID ContainerID `json:"container_id"`
	Signal      *int        `json:"signal,omitempty"`
}

// A Remove removes a container that has exited. With Force it also removes a running container.
type Remove struct {
	ContainerID ContainerID `json:"container_id"`
	Force       bool        `json:"force,omitempty"` // only in mctr
}

// A List selects the containers to list.
type List struct {
	ShowNested     bool  `json:"show_nested,omitempty"`
	ShowStandalone *bool `json:"show_standalone,omitempty"` // default true; every container is standalone
	ShowEnded      bool  `json:"show_ended,omitempty"`      // only in mctr
}

// Containers is the answer to GET_CONTAINERS.
type Containers struct {
	Containers []Container `json:"containers"`
}

// A Container is an entry of Containers.
type Container struct {
	ContainerID        ContainerID     `json:"container_id"`
	ContainerStatus    ContainerStatus `json:"container_status"`
	ResourceStatistics *Statistics     `json:"resource_statistics,omitempty"`

	Mctr *mctr.Status `json:"mctr,omitempty"`
}

// A ContainerStatus is the status of a container in the format of Mesos.
type ContainerStatus struct {
	ContainerID ContainerID `json:"container_id"`
	ExecutorPid int         `json:"executor_pid,omitempty"`
}

// Statistics is the resource usage of a container.
type Statistics struct {
	Timestamp             float64 `json:"timestamp"`
	Processes             uint64  `json:"processes"`
	CPUsUserTimeSecs      float64 `json:"cpus_user_time_secs"`
	CPUsSystemTimeSecs    float64 `json:"cpus_system_time_secs"`
	CPUsNrThrottled       uint64  `json:"cpus_nr_throttled"`
	CPUsThrottledTimeSecs float64 `json:"cpus_throttled_time_secs"`
	MemTotalBytes         uint64  `json:"mem_total_bytes"`
	MemLimitBytes         uint64  `json:"mem_limit_bytes,omitempty"`
	MemRSSBytes           uint64  `json:"mem_rss_bytes"`
	MemCacheBytes         uint64  `json:"mem_cache_bytes"`
}

// NewStatistics converts a usage to the format of Mesos.
func NewStatistics(u *mctr.Usage) *Statistics {
	const second = 1e9
	return &Statistics{
		Timestamp: float64(u.Time.UnixNano()) / second, Processes: u.Pids,
		CPUsUserTimeSecs: float64(u.CPUUserNanos) / second, CPUsSystemTimeSecs: float64(u.CPUSystemNanos) / second,
		CPUsNrThrottled: u.Throttled, CPUsThrottledTimeSecs: float64(u.ThrottledNanos) / second,
		MemTotalBytes: u.MemoryBytes, MemLimitBytes: u.MemoryLimit, MemRSSBytes: u.MemoryAnon,
		MemCacheBytes: u.MemoryCache,
	}
}

// Health is the answer to GET_HEALTH.
type Health struct {
	Healthy bool `json:"healthy"`
}

// Version is the answer to GET_VERSION.
type Version struct {
	VersionInfo VersionInfo `json:"version_info"`
}

// A VersionInfo is the version of the agent.
type VersionInfo struct {
	Version string `json:"version"`
	GitSHA  string `json:"git_sha,omitempty"`
}

// A FilePath is the argument of LIST_FILES.
type FilePath struct {
	Path string `json:"path"`
}

// Files is the answer to LIST_FILES.
type Files struct {
	FileInfos []FileInfo `json:"file_infos"`
}

// A FileInfo describes a file in the answer to LIST_FILES.
type FileInfo struct {
	Path  string   `json:"path"`
	Nlink uint64   `json:"nlink"`
	Size  int64    `json:"size"`
	Mtime Duration `json:"mtime"`
	Mode  uint32   `json:"mode"`
	UID   string   `json:"uid"`
	GID   string   `json:"gid"`
}

// A FileRange is the argument of READ_FILE.
type FileRange struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Length *int64 `json:"length,omitempty"`
}

// A FileData is the answer to READ_FILE.
type FileData struct {
	Size int64  `json:"size"` // size of the whole file
	Data []byte `json:"data"`
}

// A ListedFile is an entry in the answer of /files/browse, in the format of Mesos.
type ListedFile struct {
	GID   string `json:"gid"`
	Mode  string `json:"mode"` // as printed by ls -l
	Mtime int64  `json:"mtime"`
	Nlink uint64 `json:"nlink"`
	Path  string `json:"path"`
	Size  int64  `json:"size"`
	UID   string `json:"uid"`
}

// A FilePiece is a part of a file: the answer of /files/read, in the format of Mesos. JSON holds only
// text; READ_FILE reads files that are not text.
type FilePiece struct {
	Data   string `json:"data"`
	Offset int64  `json:"offset"`
}
