package flags

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/fields"
)

// ReadGroup reads the group in the file that --group names. "-" is stdin.
func ReadGroup(path string) (*mctr.Group, error) {
	file, err := os.Stdin, error(nil)
	if path != "-" {
		if file, err = os.Open(path); err != nil {
			return nil, fmt.Errorf("--group: %w", err)
		}
		defer file.Close()
	}
	return decodeGroup(io.LimitReader(file, maxGroup))
}

// maxGroup bounds the file of a group, in bytes.
const maxGroup = 4 << 20

func decodeGroup(r io.Reader) (*mctr.Group, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("--group: %w", err)
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: --group: the file is not valid UTF-8", mctr.ErrInvalid)
	}
	if err := rejectDuplicateKeys(data, "tasks", "labels", "annotations", "sysctls"); err != nil {
		return nil, fmt.Errorf("--group: %w", err)
	}
	g := &mctr.Group{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // a misspelt limit must not be silently ignored
	if err := fields.Renamed(d.Decode(g), g); err != nil {
		return nil, fmt.Errorf("%w: --group: %w", mctr.ErrInvalid, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%w: --group: the file has more than one group", mctr.ErrInvalid)
	}
	if err := g.Validate(); err != nil {
		return nil, err
	}
	return g, readGroupSecrets(g)
}

// readGroupSecrets reads the variables of this program that the secrets in a group refer to.
func readGroupSecrets(g *mctr.Group) error {
	var stdin io.Reader // none: it may be the file of the group
	if err := readSecrets(&g.Root, &stdin); err != nil {
		return fmt.Errorf("--group: root: %w", err)
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		if err := readSecrets(&task, &stdin); err != nil {
			return fmt.Errorf("--group: task %s: %w", name, err)
		}
		g.Tasks[name] = task
	}
	return nil
}
