package provisioner_test

import (
	"encoding/pem"
	"os"
	"testing"

	"github.com/mctr/mctr/provisioner/imagetest"
)

// writePEM writes the certificate of a registry.
func writePEM(t *testing.T, file string, r *imagetest.Registry) {
	t.Helper()
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
