package libcontainer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestApplyLimits wants the limits that are set to change, and no others.
func TestApplyLimits(t *testing.T) {
	memory, swap, shares, quota := int64(32<<20), int64(-1), uint64(512), int64(5000)
	pids, weight := int64(7), uint16(20)
	before := cgroups.Resources{CpuPeriod: 100000, CpusetCpus: "0", MemoryReservation: 5}
	got := before
	if err := applyLimits(&got, &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &memory, Swap: &swap}, CPU: &specs.LinuxCPU{Shares: &shares, Quota: &quota},
		Pids: &specs.LinuxPids{Limit: &pids}, BlockIO: &specs.LinuxBlockIO{Weight: &weight},
	}); err != nil {
		t.Fatal(err)
	}
	want := before
	want.Memory, want.MemorySwap, want.CpuShares, want.CpuQuota, want.BlkioWeight, want.PidsLimit = 32<<20, -1, 512,
		5000, 20, &pids
	want.CpuWeight = cgroups.ConvertCPUSharesToCgroupV2Value(512)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUpdateUnlimited(t *testing.T) {
	none, idle := int64(-1), int64(1)
	got := cgroups.Resources{MemorySwap: 99, CpuShares: 5}
	if err := applyLimits(&got,
		&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &none},
			CPU: &specs.LinuxCPU{Idle: &idle}}); err != nil {
		t.Fatal(err)
	}
	if got.Memory != -1 || got.MemorySwap != 0 || got.CpuShares != 0 {
		t.Errorf("%+v", got)
	}
	if err := applyLimits(&got, &specs.LinuxResources{Network: &specs.LinuxNetwork{}}); err == nil {
		t.Error("a network's class was passed over")
	}
}
