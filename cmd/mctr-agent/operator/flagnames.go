package operator

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// fieldOfFlag are what the API calls what the command line's flags stand for: fields of
// mctr's config, which Mesos' are read into.
var fieldOfFlag = map[string]string{
	"network": "network or networks", "net": "networks", "ip": "networks[].ips", "mac-address": "networks[].mac",
	"publish": "ports", "publish-all": "publishAll",
	"dns": "dns.servers", "dns-search": "dns.search", "dns-option": "dns.options", "add-host": "extraHosts",
	"listen-ports": "listen.ports", "listen-interval": "listen.interval",
	"mount": "mounts", "volume": "mounts", "tmpfs": "mounts", "device": "devices", "ulimit": "rlimits",
	"sysctl": "sysctls", "shm-size": "shmSize", "read-only": "readOnly",
	"hostname": "hostname", "uts": "namespaces.uts", "ipc": "namespaces.ipc", "pid": "namespaces.pid",
	"cgroupns": "namespaces.cgroup",
	"memory":   "resources.memory.limit", "memory-swap": "resources.memory.swap",
	"memory-reservation": "resources.memory.reservation", "memory-high": "resources.memory.high",
	"memory-swappiness": "resources.memory.swappiness", "oom-score-adj": "resources.memory.oomScoreAdj",
	"oom-kill-disable": "resources.memory.disableOOM",
	"cpus":             "resources.cpu.quota", "cpu-shares": "resources.cpu.shares", "cpu-quota": "resources.cpu.quota",
	"cpu-period": "resources.cpu.period", "cpu-burst": "resources.cpu.burst",
	"cpuset-cpus": "resources.cpu.cpus", "cpuset-mems": "resources.cpu.mems", "pids-limit": "resources.pids",
	"blkio-weight": "resources.blockIO.weight", "blkio-weight-device": "resources.blockIO.weights",
	"device-read-bps": "resources.blockIO.throttles", "device-write-bps": "resources.blockIO.throttles",
	"device-read-iops": "resources.blockIO.throttles", "device-write-iops": "resources.blockIO.throttles",
	"user": "process.user", "group-add": "process.groupAdd", "workdir": "process.workingDir", "env": "process.env",
	"init": "process.init", "entrypoint": "process.entrypoint",
	"cap-add": "security.capAdd", "cap-drop": "security.capDrop", "security-opt": "security",
	"privileged": "security.privileged",
	"runtime":    "runtime", "platform": "platform", "pull": "pull", "no-image": "no image", "rm": "remove",
	"name": "name", "label": "labels",
	"stop-signal": "stopSignal", "stop-timeout": "stopTimeout", "restart": "restart",
	"max-completion-time": "maxCompletion",
	"log-driver":          "log.driver", "log-opt": "log",
	"health-cmd": "health.command", "health-http": "health.http", "health-tcp": "health.tcp",
	"no-healthcheck": "health.disabled",
	"driver":         "definition.driver", "subnet": "definition.subnets", "ip-range": "definition.subnets[].range",
	"gateway": "definition.subnets[].gateway",
	"parent":  "definition.parent", "vni": "definition.overlay.vni", "local": "definition.overlay.local",
	"peer":  "definition.overlay.peers",
	"force": "force", "all": "all",
}

// agentFlags are flags of the agent's own that messages name as the remedy.
var agentFlags = []string{"root", "state", "backend", "cgroup-manager", "cgroup-parent", "cni-config-dir",
	"cni-plugin-dir", "cni-timeout", "plain-http"}

var flag = regexp.MustCompile(`--([a-z][a-z0-9-]*)`)

// flagsToFields is a message with the fields of the API in the place of flags. Those of the
// agent's own stay.
func flagsToFields(message string) string {
	return flag.ReplaceAllStringFunc(message, func(found string) string {
		if field := fieldOfFlag[strings.TrimPrefix(found, "--")]; field != "" {
			return field
		}
		return found
	})
}

// messageFor is a message in the words of the client.
func messageFor(r *http.Request, message string) string {
	if r.Header.Get(api.FlagsHeader) != "" {
		return message
	}
	return flagsToFields(message)
}
