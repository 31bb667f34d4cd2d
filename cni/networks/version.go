package networks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// newestVersion is the first version with STATUS and GC.
const newestVersion = "1.1.0"

// versions are the CNI versions of mctr's own networks, the best first. The plugins of Debian 12
// support versions up to 1.0.0.
var versions = []string{newestVersion, "1.0.0", "0.4.0", "0.3.1"}

// commonVersion returns the best version that all installed plugins of a list support.
func (s *Store) commonVersion(ctx context.Context, list map[string]any) (string, error) {
	data, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	network, err := Parse(data)
	if err != nil {
		return "", err
	}
	if err := s.Usable(network); err != nil {
		return "", err
	}
	left := slices.Clone(versions)
	for _, program := range network.programs() {
		known, err := s.Versions(ctx, program)
		if err != nil {
			return "", fmt.Errorf("ask plugin %s for its versions: %w", program, err)
		}
		left = slices.DeleteFunc(left, func(v string) bool { return !slices.Contains(known, v) })
	}
	if len(left) == 0 {
		return "", fmt.Errorf("%w: the plugins %v have no CNI version in common", mctr.ErrUnsupported,
			network.programs())
	}
	return left[0], nil
}
