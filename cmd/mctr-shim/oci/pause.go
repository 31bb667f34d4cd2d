package oci

import lc "github.com/opencontainers/runc/libcontainer"

func (r *runtime) pause(args []string) (int, error) {
	return r.with("pause", args, (*lc.Container).Pause)
}

func (r *runtime) resume(args []string) (int, error) {
	return r.with("resume", args, (*lc.Container).Resume)
}

func (r *runtime) with(name string, args []string, do func(*lc.Container) error) (int, error) {
	id, err := parseID(newFlags(name), args)
	if err != nil {
		return 1, err
	}
	c, err := r.load(id)
	if err != nil {
		return 1, err
	}
	return 0, do(c)
}
