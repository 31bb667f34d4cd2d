package loopdriver_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"google.golang.org/grpc"

	"github.com/mctr/mctr/csi/loopdriver"
	"github.com/mctr/mctr/internal/leakcheck"
)

// sets are the plugins that csi-sanity tries: the full one, one for each way in which the calls around
// a volume can be fewer, and one without anything optional. All have a controller, which csi-sanity
// presupposes.
var sets = map[string]loopdriver.Options{
	"full":  {OldCondition: true, Cutting: 1},
	"block": {},
	// csi-sanity has no secrets for the calls of these features.
	"secrets":   {Secret: "s3cret", Without: []string{loopdriver.Health, loopdriver.Expand}},
	"no stage":  {Without: []string{loopdriver.Stage}},
	"no attach": {Without: []string{loopdriver.Attach}},
	"neither":   {Without: []string{loopdriver.Attach, loopdriver.Stage, loopdriver.List, loopdriver.Topology}},
	"bind":      {Bind: true},
	"least": {Without: []string{loopdriver.Attach, loopdriver.Stage, loopdriver.Block, loopdriver.Snapshot,
		loopdriver.Clone, loopdriver.Expand, loopdriver.List, loopdriver.Get, loopdriver.Modify, loopdriver.Stats,
		loopdriver.Health, loopdriver.Topology, loopdriver.MultiWriter, loopdriver.Group}},
}

// TestSanity runs csi-sanity on all sets at once; ginkgo allows one run for each process. It leaves
// nothing mounted, and no loop device.
func TestSanity(t *testing.T) {
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{t.TempDir(), filepath.Dir(t.TempDir())},
		Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Loop, leakcheck.Process}})
	gomega.RegisterFailHandler(ginkgo.Fail)
	for name, options := range sets {
		dir := filepath.Join(t.TempDir(), strings.ReplaceAll(name, " ", "-"))
		options.Dir, options.Node = dir, "node-1"
		config := sanity.NewTestConfig()
		config.Address = "unix://" + serve(t, options)
		config.TargetPath, config.StagingPath = filepath.Join(dir, "target"), filepath.Join(dir, "staging")
		config.TestVolumeSize, config.TestVolumeExpandSize = 16<<20, 32<<20
		config.IdempotentCount = 1
		config.SecretsFile = secrets(t, dir, options.Secret)
		config.TestVolumeMutableParameters = map[string]string{"tier": "gold"}
		if name == "block" {
			config.TestVolumeAccessType = "block"
		}
		ginkgo.Describe(name, func() { sanity.GinkgoTest(&config) })
	}
	suite, reporter := ginkgo.GinkgoConfiguration()
	reporter.Succinct = true
	ginkgo.RunSpecs(t, "csi-sanity", suite, reporter)
	t.Cleanup(leaks.Check)
}

// serve serves a driver until the test ends, and returns its socket.
func serve(t *testing.T, options loopdriver.Options) string {
	t.Helper()
	d, err := loopdriver.New(options)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(options.Dir, "csi.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return socket
}

// secrets writes csi-sanity's file of secrets, in JSON, which YAML includes.
func secrets(t *testing.T, dir, secret string) string {
	t.Helper()
	if secret == "" {
		return ""
	}
	of := func(rpc string) map[string]string { return map[string]string{"token": rpc + ":" + secret} }
	text, err := json.Marshal(sanity.CSISecrets{
		CreateVolumeSecret: of("CreateVolume"), DeleteVolumeSecret: of("DeleteVolume"),
		ControllerPublishVolumeSecret:              of("ControllerPublishVolume"),
		ControllerUnpublishVolumeSecret:            of("ControllerUnpublishVolume"),
		ControllerValidateVolumeCapabilitiesSecret: of("ValidateVolumeCapabilities"),
		NodeStageVolumeSecret:                      of("NodeStageVolume"),
		NodePublishVolumeSecret:                    of("NodePublishVolume"),
		CreateSnapshotSecret:                       of("CreateSnapshot"), DeleteSnapshotSecret: of("DeleteSnapshot"),
		ControllerExpandVolumeSecret: of("ControllerExpandVolume"),
		ControllerModifyVolumeSecret: of("ControllerModifyVolume"),
		ListSnapshotsSecret:          of("ListSnapshots"), GetSnapshotSecret: of("GetSnapshot"),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "secrets.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
