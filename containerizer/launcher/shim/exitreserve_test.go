package shim

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// TestExitReserve records terminations in the reserved space: a short one as a whole, and one with
// a long message without the message.
func TestExitReserve(t *testing.T) {
	for _, length := range []int{10, 4096} {
		end := &mctr.Termination{ExitCode: 7}
		end.SetCause(mctr.Limitation{Reason: mctr.ReasonUnhealthy, Resource: "health", Limit: 3,
			Message: strings.Repeat("\x01", length)})
		record := filepath.Join(t.TempDir(), "exit.json")
		if err := reserveExitRecord(record); err != nil {
			t.Fatal(err)
		}
		if err := useExitReserve(record, end); err != nil {
			t.Fatal(err)
		}
		if length > 10 {
			end.Message, end.Limitation.Message = "", ""
		}
		got := &mctr.Termination{}
		if err := atomicfile.ReadJSON(record, got); err != nil || !reflect.DeepEqual(got, end) {
			t.Errorf("a message of %d bytes: %+v, %v", length, got, err)
		}
	}
}
