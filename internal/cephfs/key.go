package cephfs

import (
	"fmt"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// A key is the file of a client's key. Its content goes nowhere but to the kernel.
type key struct {
	path    string
	keyring bool // the file has sections, as "ceph auth get" prints them; else it has only the key
	text    string
}

// openKey reads the file. No error has a part of its content.
func openKey(path string) (key, error) {
	data, err := atomicfile.Read(path)
	if err != nil {
		return key{}, fmt.Errorf("the client's key: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return key{}, fmt.Errorf("%w: the file of the client's key, %s, is empty", mctr.ErrInvalid, path)
	}
	return key{path: path, keyring: strings.HasPrefix(text, "["), text: text}, nil
}

// secret returns the key of a client, for the kernel's client, or "" if the keyring does not have it.
func (k key) secret(client string) string {
	if !k.keyring {
		return k.text
	}
	section := ""
	for line := range strings.Lines(k.text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[] ")
		}
		name, value, _ := strings.Cut(line, "=") // the padding of a key has equals signs too
		if section == "client."+client && strings.TrimSpace(name) == "key" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
