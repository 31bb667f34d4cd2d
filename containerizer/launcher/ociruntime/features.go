package ociruntime

import (
	"encoding/json"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// features prints the properties of config.json that the engine supports (runtime-spec,
// features.md).
func (r *runtime) features(args []string) (int, error) {
	if _, err := parseArguments(newFlags("features"), args, 0, 0); err != nil {
		return 1, err
	}
	lister, ok := r.engine.(engine.FeatureLister)
	if !ok {
		return 1, fmt.Errorf("%w: features: this engine does not report any", mctr.ErrUnsupported)
	}
	enc := json.NewEncoder(r.stdout)
	enc.SetIndent("", "    ")
	return 0, enc.Encode(lister.Features())
}
