package provisioner

// Release drops holder's lease; one that is not there is no error. What nothing
// else needs stays in the store until Remove or Prune.
func (p *Provisioner) Release(holder string) error { return p.store.Release(holder) }

// Leases returns what each holder uses, for an agent to find holders that no
// container of its is.
func (p *Provisioner) Leases() (map[string]*Image, error) { return p.store.Leases() }
