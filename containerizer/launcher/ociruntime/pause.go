package ociruntime

import "github.com/mctr/mctr/containerizer/launcher/engine"

func (r *runtime) pause(args []string) (int, error) {
	return r.withContainer("pause", args, engine.Container.Pause)
}

func (r *runtime) resume(args []string) (int, error) {
	return r.withContainer("resume", args, engine.Container.Resume)
}

func (r *runtime) withContainer(name string, args []string, do func(engine.Container) error) (int, error) {
	_, c, err := r.parseContainer(newFlags(name), args)
	if err != nil {
		return 1, err
	}
	return 0, do(c)
}
