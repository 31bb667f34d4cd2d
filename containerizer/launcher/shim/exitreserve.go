package shim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
)

// reserveSize is larger than the exit record, unless the record quotes a probe's output that is not
// text.
const reserveSize = 16 << 10

// reservePath returns the path of a file whose blocks are allocated when the container is created,
// so that its exit can be recorded on a full disk. A rename makes the file the record.
func reservePath(record string) string { return filepath.Join(filepath.Dir(record), "room") }

// reserveExitRecord allocates the blocks.
func reserveExitRecord(record string) error {
	if record == "" {
		return nil
	}
	if err := os.WriteFile(reservePath(record), make([]byte, reserveSize), 0o600); err != nil {
		return fmt.Errorf("reserve space for the exit record: %w", err)
	}
	return nil
}

// useExitReserve overwrites the reserved file, which needs no further block, and renames it to
// record. If it is interrupted before the rename, there is no record.
func useExitReserve(record string, t *mctr.Termination) error {
	data, err := marshalWithinReserve(t)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(reservePath(record), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close() // only the errors of Write and Truncate matter
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(data))); err != nil {
		return err
	}
	return os.Rename(f.Name(), record)
}

// marshalWithinReserve encodes t. If the result exceeds reserveSize, it leaves out the messages.
func marshalWithinReserve(t *mctr.Termination) ([]byte, error) {
	data, err := json.Marshal(t)
	if err != nil || len(data) <= reserveSize {
		return data, err
	}
	short := *t
	short.Message = ""
	if t.Limitation != nil {
		limitation := *t.Limitation
		limitation.Message, short.Limitation = "", &limitation
	}
	return json.Marshal(short)
}
