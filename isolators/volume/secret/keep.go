package secret

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
)

// Keep stores the values in config. It refuses a config that was copied from the record of another
// container, which has none.
func (i *isolator) Keep(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error {
	for _, s := range secretsOf(config) {
		if s.value == nil && s.source == mctr.SecretGiven {
			return s.invalid("the value is missing: records of containers do not have it")
		}
		if s.value == nil {
			continue
		}
		if err := i.vault.put(ctx, file{id: h.ID, dir: values, name: s.key, mode: 0o400}, s.value); err != nil {
			return fmt.Errorf("keep the value for %s: %w", s.what, err)
		}
		if err := failpoint.Hit("keep/" + name); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes the values, and files of a container that was not cleaned up.
func (i *isolator) Remove(ctx context.Context, h mctr.Handle, _ func(string) (mctr.ContainerID, error)) error {
	return i.vault.remove(ctx, h.ID, "")
}

// Cleanup removes the files. The values stay for the next start.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	return i.vault.remove(ctx, h.ID, files)
}

// Recover reports the secrets of unknown containers.
func (i *isolator) Recover(_ context.Context, known []mctr.ContainerState,
	_ mctr.HandleOf) (found []mctr.Leftover, err error) {
	ids, err := i.vault.ids()
	for _, id := range ids {
		if !slices.ContainsFunc(known, func(k mctr.ContainerState) bool { return k.ID == id }) {
			found = append(found, mctr.Leftover{Kind: "secret", Owner: id,
				Object: filepath.Join(i.vault.dir, string(id)),
				Why:    "its container does not exist", Undo: "remove it"})
		}
	}
	return found, err
}
