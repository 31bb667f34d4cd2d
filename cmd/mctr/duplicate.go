package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// noDuplicates refuses a document in which an object has a key twice: package
// json takes the last and says nothing. Keys that are a struct's fields are equal
// whatever their case, as package json has it; free is the objects whose keys
// are the user's own.
func noDuplicates(data []byte, free ...string) error {
	u := &unique{data: data, d: json.NewDecoder(bytes.NewReader(data)), free: free}
	return u.value("")
}

type unique struct {
	data []byte
	d    *json.Decoder
	free []string
}

// value reads one value; name is the key it stands at. What is no JSON is left
// for the decoder to say.
func (u *unique) value(name string) error {
	token, err := u.d.Token()
	switch {
	case err != nil:
		return nil
	case token == json.Delim('{'):
		return u.object(name)
	case token == json.Delim('['):
		return u.array(name)
	}
	return nil
}

func (u *unique) array(name string) error {
	for u.d.More() {
		if err := u.value(name); err != nil {
			return err
		}
	}
	_, _ = u.d.Token()
	return nil
}

func (u *unique) object(name string) error {
	seen := map[string]string{}
	for u.d.More() {
		place := u.place()
		token, err := u.d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil
		}
		if at, twice := seen[u.folded(name, key)]; twice {
			return fmt.Errorf("%w: the key %q at %s was given before, at %s", mctr.ErrInvalid, key, place, at)
		}
		seen[u.folded(name, key)] = place
		if err := u.value(key); err != nil {
			return err
		}
	}
	_, _ = u.d.Token()
	return nil
}

func (u *unique) folded(object, key string) string {
	if slices.Contains(u.free, object) {
		return key
	}
	return strings.ToLower(key)
}

// place is where the next key begins, as editors count.
func (u *unique) place() string {
	at := int(u.d.InputOffset())
	at += max(0, bytes.IndexByte(u.data[at:], '"'))
	before := u.data[:at]
	return fmt.Sprintf("line %d, column %d", 1+bytes.Count(before, []byte("\n")), at-bytes.LastIndexByte(before, '\n'))
}
