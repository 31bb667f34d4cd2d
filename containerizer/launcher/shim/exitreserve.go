package shim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
)

// reserveSize is more than the record of an end takes, but for a message of a probe whose
// output is no text.
const reserveSize = 16 << 10

// reservePath is where the container's end can be recorded when the disk is full: a file that
// has its blocks from the beginning on. It becomes the record by its name.
func reservePath(record string) string { return filepath.Join(filepath.Dir(record), "room") }

// reserveExitRecord takes the blocks.
func reserveExitRecord(record string) error {
	if record == "" {
		return nil
	}
	if err := os.WriteFile(reservePath(record), make([]byte, reserveSize), 0o600); err != nil {
		return fmt.Errorf("keep room for the record of the end: %w", err)
	}
	return nil
}

// useExitReserve writes the end over what the file has, which takes no block more. Who is
// cut off in between leaves no record, as if it had not begun.
func useExitReserve(record string, t *mctr.Termination) error {
	data, err := marshalWithinReserve(t)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(reservePath(record), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close() // what matters of its errors is the write's
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(data))); err != nil {
		return err
	}
	return os.Rename(f.Name(), record)
}

// marshalWithinReserve is the end in no more than the room there is: where it has to be, without its
// messages.
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
