package mctr_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestShimStaysSmall looks at everything that is linked into the shim, which is
// loaded once more as every container's init.
func TestShimStaysSmall(t *testing.T) {
	deps := dependencies(t, "1", "./cmd/mctr-shim")
	for _, heavy := range []string{
		"net/http", "text/template", "html/template", "k8s.io/", "google.golang.org/grpc", "github.com/prometheus/",
		"github.com/google/go-containerregistry", "github.com/opencontainers/umoci", "github.com/spf13/cobra",
		module + "/provisioner", module + "/isolators", module + "/containerizer\n",
	} {
		if strings.Contains(deps, "\n"+heavy) {
			t.Errorf("mctr-shim links %s", strings.TrimSpace(heavy))
		}
	}
	if !strings.Contains(deps, "\ngithub.com/opencontainers/runc/libcontainer\n") {
		t.Error("mctr-shim does not link libcontainer: the test looks in the wrong place")
	}
	const most = 9 << 20
	info, err := os.Stat("bin/mctr-shim")
	if err != nil {
		t.Fatal(err, "(make build)")
	}
	if info.Size() > most {
		t.Errorf("mctr-shim has %d bytes, at most %d", info.Size(), most)
	}
}

// TestLibraryNeedsNoC builds what agents embed, and the command line, without cgo.
func TestLibraryNeedsNoC(t *testing.T) {
	cmd := exec.Command("go", "build", "-o", os.DevNull, "./containerizer", "./isolators/builtin", "./cmd/mctr",
		"./cmd/mctr-helper", "./cmd/mctr-agent", "./cmd/mctr-calico")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for program, heavy := range map[string][]string{
		"./cmd/mctr": {"github.com/prometheus/", "github.com/coreos/go-systemd/v22/daemon",
			"github.com/opencontainers/cgroups/systemd", "k8s.io/"},
		"./cmd/mctr-agent": {"github.com/getkin/", "k8s.io/"},
		// Kubernetes' types are what Calico's are made of; its clients are not needed.
		"./cmd/mctr-calico": {"k8s.io/client-go/", module + "/containerizer"},
	} {
		deps := dependencies(t, "0", program)
		for _, never := range append(heavy, "github.com/opencontainers/runc/libcontainer\n", "google.golang.org/grpc",
			"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "gonum.org/",
			"github.com/NVIDIA/go-nvml") {
			if strings.Contains(deps, "\n"+never) {
				t.Errorf("%s links %s", program, strings.TrimSpace(never))
			}
		}
	}
}

func dependencies(t *testing.T, cgo, pkg string) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-tags", "seccomp netgo osusergo", pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	return "\n" + string(out)
}
