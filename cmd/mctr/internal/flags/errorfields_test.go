package flags

import "testing"

func TestInFlags(t *testing.T) {
	for text, want := range map[string]string{
		"invalid argument: resources.memory.limit 3: at least 6 bytes": "invalid argument: --memory 3: at least 6 " +
			"bytes",
		"config.network host and config.networks blue: one":  "--network host and --network blue: one",
		"no plugin of config.networks a takes config.ports.": "no plugin of --network a takes --publish.",
		"resources.block_io.throttles read-bps /dev/x: no":   "--device-read-bps /dev/x: no",
		"it would be made without config.image here":         "it would be made with --no-image here",
		"security.seccomp=unconfined runs without":           "--security-opt seccomp=unconfined runs without",
		"create.maxTime (max_completion) is not supported": "create.maxTime (--max-completion-time) is " +
			"not supported",
		"definition.subnets.range 1 is no part of definition.subnets": "--ip-range 1 is no part of --subnet",
		"process.user \"a\", process.group_add [] (or the image's)":   "--user \"a\", --group-add [] (or the image's)",
		// Messages to an agent have the config below a field of their own.
		"mctr.config.process.working_dir \"x\": no UTF-8":  "--workdir \"x\": no UTF-8",
		"config.process.working_dir \"x\": no UTF-8":       "--workdir \"x\": no UTF-8",
		"mctr.config.resources.memory.limit 3: too little": "--memory 3: too little",
		"mctr.config.hostname \"x\": no UTF-8":             "--hostname \"x\": no UTF-8",
		"mctr.config.owner: this agent owns others":        "mctr.config.owner: this agent owns others",
		"host.cgroup_manager docker: want a manager":       "--cgroup-manager docker: want a manager",
		// Other names, paths and texts stay unchanged.
		"config.sysctls net.ipv4.ip_forward: shared":         "--sysctl net.ipv4.ip_forward: shared",
		"open /etc/shm_size: no such file":                   "open /etc/shm_size: no such file",
		"open stop_signal.json, stop_signal/a, stop_signals": "open stop_signal.json, stop_signal/a, stop_signals",
		"process.env \"shm_size\": want NAME=VALUE":          "--env \"shm_size\": want NAME=VALUE",
		"my.config.network and config.network.d":             "my.config.network and config.network.d",
		"process.env[0] \"A=...\": no UTF-8":                 "process.env[0] \"A=...\": no UTF-8",
		"":                                                   "",
	} {
		if got := Translate(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
