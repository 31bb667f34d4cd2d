package loopdriver

import "maps"

// volumeContext is the context that CreateVolume returns. A volume that was made before its
// orchestrator knew it has the same.
func volumeContext(id string) map[string]string { return map[string]string{"image": id} }

// publishContext is the context that ControllerPublishVolume returns.
func publishContext(id string) map[string]string { return map[string]string{"attachment": id} }

// checkVolumeContext refuses, if the plugin is strict, a context that CreateVolume did not return.
func (d *Driver) checkVolumeContext(id string, got map[string]string) error {
	if d.Strict && !maps.Equal(got, volumeContext(id)) {
		return invalid("the volume context is %q: want that of CreateVolume, %q", got, volumeContext(id))
	}
	return nil
}

// checkContexts is checkVolumeContext that also looks at the publish context: it has to be unset if
// the plugin does not attach.
func (d *Driver) checkContexts(id string, ofVolume, ofPublish map[string]string) error {
	want := map[string]string{}
	if d.has(Attach) {
		want = publishContext(id)
	}
	if d.Strict && !maps.Equal(ofPublish, want) {
		return invalid("the publish context is %q: want that of ControllerPublishVolume, %q", ofPublish, want)
	}
	return d.checkVolumeContext(id, ofVolume)
}
