package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/mctr/mctr"
)

// A Resource is an amount of a resource of the host.
type Resource struct {
	Name   string  `json:"name"`           // cpus, mem, disk
	Type   string  `json:"type"`           // SCALAR
	Scalar *Scalar `json:"scalar"`         // cpus: number of processors; mem, disk: MiB
	Role   string  `json:"role,omitempty"` // * (default)

	Ranges         json.RawMessage `json:"ranges,omitempty"`
	Set            json.RawMessage `json:"set,omitempty"`
	Reservation    json.RawMessage `json:"reservation,omitempty"`
	Reservations   json.RawMessage `json:"reservations,omitempty"`
	Disk           json.RawMessage `json:"disk,omitempty"`
	Revocable      json.RawMessage `json:"revocable,omitempty"`
	Shared         json.RawMessage `json:"shared,omitempty"`
	ProviderID     json.RawMessage `json:"provider_id,omitempty"`
	AllocationInfo json.RawMessage `json:"allocation_info,omitempty"`
}

// A Scalar is a number. A limit may be Infinity.
type Scalar struct {
	Value Number `json:"value"`
}

// A Number is a JSON number, or the string "Infinity".
type Number float64

// UnmarshalJSON reads either form.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == `"Infinity"` {
		*n = Number(math.Inf(1))
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// MarshalJSON writes either form.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(n), 1) {
		return []byte(`"Infinity"`), nil
	}
	return json.Marshal(float64(n))
}

// Constants of Mesos: CPU shares per processor, the period of the CPU quota in microseconds, and the
// smallest and largest values.
const (
	sharesOfCPU = 1024
	leastShares = 2
	period      = 100_000
	leastQuota  = 1_000
	leastMemory = 32 << 20
	mostMemory  = 1 << 40 // MiB
	mostDisk    = 1 << 40 // MiB
	mostCPUs    = 1 << 18 / sharesOfCPU
)

// requests returns the requested resources by name.
func requests(resources []Resource) (map[string]Scalar, error) {
	asked := map[string]Scalar{}
	for _, r := range resources {
		for _, raw := range []json.RawMessage{r.Ranges, r.Set, r.Reservation, r.Reservations, r.Disk, r.Revocable,
			r.Shared, r.ProviderID} {
			if given(raw) {
				return nil, refused("resource "+r.Name,
					"want an unreserved scalar, not revocable, and no persistent volume")
			}
		}
		if r.Role != "" && r.Role != "*" || given(r.AllocationInfo) {
			return nil, refused("resource "+r.Name+": role", "this agent has no roles")
		}
		if r.Type != "SCALAR" || r.Scalar == nil {
			return nil, fmt.Errorf("%w: resource %q: want a SCALAR", mctr.ErrInvalid, r.Name)
		}
		if _, twice := asked[r.Name]; twice {
			return nil, fmt.Errorf("%w: resource %q is given twice", mctr.ErrInvalid, r.Name)
		}
		asked[r.Name] = *r.Scalar
	}
	return asked, nil
}

// fillResources sets weights and limits as Mesos does. The resource cpus is a weight, and its limit
// a quota. The resource mem is a limit; if limits has mem too, that is the limit, and the resource is
// the reservation.
func fillResources(r *mctr.Resources, resources []Resource, limits map[string]Scalar) error {
	asked, err := requests(resources)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if err := checkResource(name, asked[name], false); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if err := checkResource(name, limits[name], true); err != nil {
			return err
		}
	}
	if cpus, ok := asked["cpus"]; ok {
		r.CPU.Shares = ptr(max(uint64(float64(cpus.Value)*sharesOfCPU), leastShares))
	}
	if most, ok := limits["cpus"]; ok && !infinite(most) {
		r.CPU.Period, r.CPU.Quota = ptr(uint64(period)), ptr(max(int64(float64(most.Value)*period), leastQuota))
	}
	mem, asksMemory := asked["mem"]
	most, limitsMemory := limits["mem"]
	switch {
	case asksMemory && limitsMemory:
		r.Memory.Reservation = ptr(mebibytes(mem))
		fallthrough
	case limitsMemory:
		if !infinite(most) {
			r.Memory.Limit = ptr(mebibytes(most))
		}
	case asksMemory:
		r.Memory.Limit = ptr(mebibytes(mem))
	}
	if disk, ok := asked["disk"]; ok {
		r.Disk.Sandbox, r.Disk.End = ptr(int64(float64(disk.Value)*(1<<20))), true
	}
	return nil
}

func checkResource(name string, s Scalar, limit bool) error {
	value := float64(s.Value)
	most := map[string]float64{"cpus": mostCPUs, "mem": mostMemory, "disk": mostDisk}[name]
	switch {
	case most == 0 || limit && name == "disk":
		return refused("resource "+name, "want cpus or mem, and of resources also disk")
	case math.IsNaN(value) || value <= 0 || value > most && !(limit && infinite(s)):
		return fmt.Errorf("%w: resource %s: %v", mctr.ErrInvalid, name, value)
	}
	return nil
}

func infinite(s Scalar) bool { return math.IsInf(float64(s.Value), 1) }

func mebibytes(s Scalar) int64 { return max(int64(float64(s.Value)*(1<<20)), leastMemory) }

func ptr[T any](v T) *T { return &v }
