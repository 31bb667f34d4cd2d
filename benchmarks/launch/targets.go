package main

// A target is an upper bound of a figure.
type target struct {
	What  string  `json:"what"`
	Most  float64 `json:"most"`
	Found float64 `json:"found"` // 0: unknown
	Unit  string  `json:"unit"`
	Met   bool    `json:"met"`
}

// checkTargets compares the figures with their targets.
func (r *report) checkTargets() {
	r.Reach = []target{
		{What: "library to runc run, wall", Most: 1.0, Found: r.ratio(library, runc, wall), Unit: "x"},
		{What: "mctr run --rm to runc run, wall", Most: 1.3, Found: r.ratio(cli, runc, wall), Unit: "x"},
		{What: "size of mctr-shim", Most: 9, Found: float64(r.ShimBytes) / 1e6, Unit: "MB"},
	}
	if len(r.Memory) > 0 {
		found := target{What: "PSS per container", Most: 3, Unit: "MiB"}
		if r.Memory[0].Error == "" {
			found.Found = r.Memory[0].PSS / 1024
		}
		r.Reach = append(r.Reach, found)
	}
	for i := range r.Reach {
		q := &r.Reach[i]
		q.Met = q.Found > 0 && q.Found <= q.Most
	}
}

func (q target) verdict() string {
	switch {
	case q.Found == 0:
		return "UNKNOWN"
	case q.Met:
		return "met"
	}
	return "NOT MET"
}
