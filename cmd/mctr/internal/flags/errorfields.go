package flags

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Fields maps the fields that errors of the library name to the flags that set them. A field is
// named by its path in mctr.ContainerConfig, in cni.Definition ("definition."), in cni.Config
// ("cni.") or in host.Config ("host."), in snake_case. A path of one word has the prefix "config.".
// A key may include words around the path to distinguish several flags.
var Fields = map[string]string{
	"config.name": "--name", "config.labels": "--label", "config.annotations": "--annotation",
	"config.platform": "--platform", "config.pull": "--pull", "config.runtime": "--runtime",
	"without config.image": "with --no-image",

	"process.entrypoint": "--entrypoint", "process.env": "--env", "process.working_dir": "--workdir",
	"process.user": "--user", "process.group_add": "--group-add", "process.init": "--init",
	"process.terminal": "--tty", "process.stdin": "--interactive",

	"config.hostname": "--hostname", "read_only": "--read-only", "shm_size": "--shm-size",
	"config.sysctls": "--sysctl", "config.rlimits": "--ulimit", "config.devices": "--device",
	"config.volumes": "--mount, --volume and --tmpfs", "volumes.type": "--mount type",
	"volumes.source": "--mount (or --volume) source", "volumes.create": "--volume",
	"volumes.target":  "--mount (or --volume, --tmpfs) target",
	"volumes.options": "--mount (or --volume, --tmpfs) options",
	"volumes.mode":    "--secret (or --mount) mode", "volumes.uid": "--secret (or --mount) uid",
	"volumes.gid": "--secret (or --mount) gid", "volumes.value": "--secret",
	"process.secret_env": "--secret type=env", "volumes.source of the secret": "--secret (or --mount)",
	"volumes.no_copy": "--mount volume-nocopy", "volumes.sub_path": "--mount volume-subpath",
	"volumes_from": "--volumes-from",

	"namespaces.pid": "--pid", "namespaces.ipc": "--ipc", "namespaces.uts": "--uts",
	"namespaces.cgroup": "--cgroupns",
	"config.network":    "--network", "config.networks": "--network",
	"config.ports": "--publish", "publish_all": "--publish-all", "extra_hosts": "--add-host",
	"dns.servers": "--dns", "dns.search": "--dns-search", "dns.options": "--dns-option",
	"listen.ports": "--listen-ports", "listen.end": "--listen-action end", "listen.interval": "--listen-interval",

	"security.privileged": "--privileged", "security.cap_add": "--cap-add", "security.cap_drop": "--cap-drop",
	"security.no_new_privileges": "--security-opt no-new-privileges",
	"security.seccomp":           "--security-opt seccomp",

	"resources.cpu.shares": "--cpu-shares", "resources.cpu.quota": "--cpu-quota (or --cpus)",
	"resources.cpu.period": "--cpu-period", "resources.cpu.burst": "--cpu-burst",
	"resources.cpu.cpus": "--cpuset-cpus", "resources.cpu.mems": "--cpuset-mems",
	"resources.memory.limit": "--memory", "resources.memory.swap": "--memory-swap",
	"resources.memory.reservation": "--memory-reservation", "resources.memory.high": "--memory-high",
	"resources.memory.oom_score_adj": "--oom-score-adj", "resources.memory.disable_oom": "--oom-kill-disable",
	"resources.memory.swappiness": "--memory-swappiness", "resources.pids": "--pids-limit",
	"resources.block_io.weight": "--blkio-weight", "resources.block_io.weights": "--blkio-weight-device",
	"resources.block_io.throttles read-bps":   "--device-read-bps",
	"resources.block_io.throttles write-bps":  "--device-write-bps",
	"resources.block_io.throttles read-iops":  "--device-read-iops",
	"resources.block_io.throttles write-iops": "--device-write-iops",
	"group_resources.memory.limit":            "--memory",
	"resources.disk":                          "--storage-opt (or --disk)",
	"resources.disk.rootfs":                   "--storage-opt size",
	"resources.disk.rootfs_inodes":            "--storage-opt inodes",
	"resources.disk.sandbox":                  "--disk", "resources.disk.sandbox_inodes": "--disk-inodes",
	"resources.disk.end": "--disk-action end", "group_resources.disk": "--disk",

	"config.restart": "--restart", "config.remove": "--rm", "stop_signal": "--stop-signal",
	"stop_timeout": "--stop-timeout", "max_completion": "--max-completion-time",
	"log.driver": "--log-driver", "log.max_size": "--log-opt max-size", "log.max_files": "--log-opt max-file",
	"health.command": "--health-cmd", "health.http": "--health-http", "health.tcp": "--health-tcp",
	"health.disabled": "--no-healthcheck",

	"definition.driver": "--driver", "definition.parent": "--parent", "definition.dns.servers": "--dns",
	"definition.subnets": "--subnet", "definition.subnets.range": "--ip-range",
	"definition.subnets.gateway": "--gateway", "definition.overlay.vni": "--vni",
	"definition.overlay.local": "--local", "definition.overlay.peers": "--peer",
	"cni.plugin_dirs": "--cni-plugin-dir", "host.cgroup_manager": "--cgroup-manager",
}

// fieldNames matches the keys of Fields, and of two keys that begin alike the longer. In the
// messages of the agent's API the config is a part, so that their errors have "mctr.config." or
// "config." before the path.
var fieldNames = func() *regexp.Regexp {
	keys := slices.SortedFunc(maps.Keys(Fields), func(a, b string) int { return len(b) - len(a) })
	for i, key := range keys {
		keys[i] = regexp.QuoteMeta(key)
	}
	return regexp.MustCompile(`\b(?:mctr\.)?(?:config\.)??(` + strings.Join(keys, "|") + `)\b`)
}()

// Translate replaces the names of config fields, in a message of the library or of an agent, with the
// flags of this program.
func Translate(message string) string {
	var b strings.Builder
	done := 0
	for _, found := range fieldNames.FindAllStringSubmatchIndex(message, -1) {
		if from, key, to := found[0], found[2], found[1]; isWhole(message[:from], message[to:]) {
			b.WriteString(message[done:from] + Fields[message[key:to]])
			done = to
		}
	}
	return b.String() + message[done:]
}

// isWhole reports whether the text between before and after is a whole name. It is not if it belongs
// to a longer name, such as that of a list's element, to the path of a file, or to a quoted text of
// the user.
func isWhole(before, after string) bool {
	if before != "" && strings.ContainsRune(`./-"`, rune(before[len(before)-1])) {
		return false
	}
	switch {
	case after == "":
		return true
	case after[0] == '.': // a full stop, or the dot before another name
		return len(after) == 1 || after[1] == ' '
	}
	return !strings.ContainsRune(`/-"[`, rune(after[0]))
}
