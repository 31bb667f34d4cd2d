package ociruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/specconv"
)

// spec writes an example of config.json. It never overwrites a file.
func (r *runtime) spec(args []string) (int, error) {
	var bundle string
	var rootless bool
	f := newFlags("spec")
	stringVar(f, &bundle, "bundle", "b", "directory to write config.json to (default: the working directory)")
	f.BoolVar(&rootless, "rootless", false, "for a container of an unprivileged user")
	if _, err := parseArguments(f, args, 0, 0); err != nil {
		return 1, err
	}
	s := specconv.Example()
	s.Hostname = "mctr"
	if rootless {
		specconv.ToRootless(s)
	}
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return 1, err
	}
	return 0, writeNew(filepath.Join(bundle, "config.json"), data)
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("file %s exists: remove it first", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
