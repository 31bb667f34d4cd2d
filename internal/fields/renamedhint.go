package fields

import (
	"fmt"
	"slices"
	"strings"
)

// Renamed returns err, the error of strictly decoding into v. If err refuses a camelCase name of an
// earlier build, Renamed adds the current name.
func Renamed(err error, v any) error {
	if err == nil {
		return nil
	}
	_, quoted, unknown := strings.Cut(err.Error(), "json: unknown field ")
	if !unknown {
		return err
	}
	name := strings.Trim(quoted, `"`)
	all := Of(v)
	i := slices.IndexFunc(all, func(path string) bool {
		last := path[strings.LastIndexByte(path, '.')+1:]
		return last != name && plain(last) == plain(name)
	})
	if i < 0 {
		return err
	}
	return fmt.Errorf("%w: now it is called %s", err, all[i][strings.LastIndexByte(all[i], '.')+1:])
}
