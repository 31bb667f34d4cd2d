package flags

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// rejectDuplicateKeys refuses a document in which an object has the same key twice, because package
// json silently takes the last one. As in package json, the case of keys that are fields of a struct
// does not matter; free names the objects whose keys are not fields. Malformed JSON is left to the
// decoder.
func rejectDuplicateKeys(data []byte, free ...string) error {
	if !json.Valid(data) {
		return nil
	}
	u := &unique{data: data, d: json.NewDecoder(bytes.NewReader(data)), free: free}
	return u.value("")
}

type unique struct {
	data []byte
	d    *json.Decoder
	free []string
}

// token returns the next token. It cannot fail, because the document is valid JSON.
func (u *unique) token() json.Token {
	t, _ := u.d.Token()
	return t
}

// value reads one value. name is the key of the value.
func (u *unique) value(name string) error {
	switch u.token() {
	case json.Delim('{'):
		return u.object(name)
	case json.Delim('['):
		for u.d.More() {
			if err := u.value(name); err != nil {
				return err
			}
		}
		u.token()
	}
	return nil
}

func (u *unique) object(name string) error {
	seen := map[string]int64{} // offset by key
	for u.d.More() {
		at := u.d.InputOffset()
		key, _ := u.token().(string)
		if before, twice := seen[u.folded(name, key)]; twice {
			return fmt.Errorf("%w: the key %q at %s is also at %s", mctr.ErrInvalid, key, u.place(at),
				u.place(before))
		}
		seen[u.folded(name, key)] = at
		if err := u.value(key); err != nil {
			return err
		}
	}
	u.token()
	return nil
}

func (u *unique) folded(object, key string) string {
	if slices.Contains(u.free, object) {
		return key
	}
	return strings.ToLower(key)
}

// place returns the line and column of the key after an offset.
func (u *unique) place(offset int64) string {
	at := int(offset) + bytes.IndexByte(u.data[offset:], '"')
	before := u.data[:at]
	return fmt.Sprintf("line %d, column %d", 1+bytes.Count(before, []byte("\n")), at-bytes.LastIndexByte(before, '\n'))
}
