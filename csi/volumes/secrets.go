package volumes

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// calls has the calls with secrets that each verb may make.
var calls = map[string][]string{
	csi.VerbCreate:   {"CreateVolume"},
	csi.VerbValidate: {"ValidateVolumeCapabilities"},
	csi.VerbDelete:   {"CreateVolume", "DeleteVolume", "ControllerUnpublishVolume"},
	csi.VerbPublish: {"ControllerPublishVolume", "NodeStageVolume", "NodePublishVolume", "NodeExpandVolume",
		"ControllerUnpublishVolume"},
	csi.VerbUnpublish: {"ControllerUnpublishVolume"},
	csi.VerbExpand:    {"ControllerExpandVolume", "NodeExpandVolume"},
}

// filePrefix begins a reference to a file, whose text is a JSON object of strings.
const filePrefix = "file:"

// checkReferences refuses secrets given by value, and those of calls that have none. The error
// repeats no value: it may be a secret.
func checkReferences(references csi.SecretRefs) error {
	for call, reference := range references {
		known := func(verb string) bool { return slices.Contains(calls[verb], call) }
		if !slices.ContainsFunc(verbs, known) {
			return fmt.Errorf("%w: option secrets.%s: want the name of a call with secrets, such as NodeStageVolume",
				mctr.ErrInvalid, call)
		}
		if path, ok := strings.CutPrefix(reference, filePrefix); !ok || !filepath.IsAbs(path) {
			return fmt.Errorf("%w: option secrets.%s: want file:/PATH, a file with a JSON object of strings",
				mctr.ErrInvalid, call)
		}
	}
	return nil
}

var verbs = []string{csi.VerbCreate, csi.VerbValidate, csi.VerbDelete, csi.VerbPublish, csi.VerbUnpublish,
	csi.VerbExpand}

// resolve returns the secrets of the calls of a verb. They are read for each request, and kept nowhere.
func resolve(verb string, references csi.SecretRefs) (csi.Secrets, error) {
	secrets := csi.Secrets{}
	for _, call := range calls[verb] {
		reference, ok := references[call]
		if !ok {
			continue
		}
		values, err := readSecrets(strings.TrimPrefix(reference, filePrefix))
		if err != nil {
			return nil, fmt.Errorf("secrets of %s: %w", call, err)
		}
		secrets[call] = values
	}
	return secrets, nil
}

// mostSecrets limits a file of secrets, in bytes.
const mostSecrets = 64 << 10

// readSecrets reads a file. The error has no part of its text.
func readSecrets(path string) (map[string]string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // the file may be a FIFO
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", mctr.ErrInvalid, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, mostSecrets+1))
	if err != nil {
		return nil, err
	}
	var values map[string]string
	if len(data) > mostSecrets || json.Unmarshal(data, &values) != nil || values == nil {
		return nil, fmt.Errorf("%w: %s: want a JSON object of strings, at most %d bytes", mctr.ErrInvalid, path,
			mostSecrets)
	}
	return values, nil
}
