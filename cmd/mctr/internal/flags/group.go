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
	return g, g.Validate()
}
