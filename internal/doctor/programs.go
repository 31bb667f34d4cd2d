package doctor

import (
	"errors"
	"maps"
	"os"
	"slices"
)

func programs(h Host) []Finding {
	var found []Finding
	for _, name := range slices.Sorted(maps.Keys(h.Programs)) {
		var err error
		if h.Programs[name] == "" {
			err = errors.New("neither beside mctr nor in PATH")
		}
		found = append(found,
			answer("programs", name, err, h.Programs[name], Broken, "make build, and keep mctr's programs together"))
	}
	return found
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
