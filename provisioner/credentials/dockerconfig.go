package credentials

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// A File is a configuration file of docker; it need not exist.
type File struct{ Path string }

// A document is the content of such a file. Keys of other programs are preserved byte for byte.
type document struct {
	keys  map[string]json.RawMessage
	auths map[string]json.RawMessage
}

// Login stores c for the registry called key: with the helper that the file names for it, or else
// in the file itself, in plain text, and then it returns true.
func (f File) Login(ctx context.Context, key string, c Credentials) (plain bool, err error) {
	err = f.change(ctx, func(d *document) error {
		helper, err := d.helper(key)
		if err != nil {
			return err
		}
		if helper != "" {
			d.auths[key] = json.RawMessage("{}") // as docker does: the existence of credentials is not a secret
			return Helper{Name: helper}.Store(ctx, key, c)
		}
		plain = true
		return d.store(key, c)
	})
	return plain, err
}

// Logout deletes the credentials for the registry called key, with its helper and in the file,
// which may have older names for it too. It returns true if there were any.
func (f File) Logout(ctx context.Context, key string, older ...string) (known bool, err error) {
	err = f.change(ctx, func(d *document) (err error) {
		for _, name := range append(older, key) {
			_, listed := d.auths[name]
			known = known || listed
			delete(d.auths, name)
		}
		had, err := d.erase(ctx, key)
		known = known || had
		return err
	})
	return known, err
}

// erase lets the helper of a registry, if it has one, delete the credentials.
func (d *document) erase(ctx context.Context, key string) (bool, error) {
	name, err := d.helper(key)
	if err != nil || name == "" {
		return false, err
	}
	h := Helper{Name: name}
	have, err := h.Get(ctx, key)
	if err != nil || have == (Credentials{}) {
		return false, err
	}
	return true, h.Erase(ctx, key)
}

// store adds credentials to the document in docker's form.
func (d *document) store(key string, c Credentials) error {
	entry := struct {
		Auth          string `json:"auth,omitempty"`
		IdentityToken string `json:"identitytoken,omitempty"`
	}{IdentityToken: c.IdentityToken}
	if c.Username != "" || c.Password != "" {
		entry.Auth = base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))
	}
	data, err := json.Marshal(entry)
	d.auths[key] = data
	return err
}

// helper returns the name of the helper for a registry, or "".
func (d *document) helper(key string) (string, error) {
	var each map[string]string
	var store string
	if err := d.read("credHelpers", &each); err != nil {
		return "", err
	}
	if name, ok := each[key]; ok {
		return name, nil
	}
	err := d.read("credsStore", &store)
	return store, err
}

func (d *document) read(key string, to any) error {
	if d.keys[key] == nil {
		return nil
	}
	if err := json.Unmarshal(d.keys[key], to); err != nil {
		return fmt.Errorf("%w: %s: %w", mctr.ErrInvalid, key, err)
	}
	return nil
}

// change reads the file, lets do change the document, and writes it if do succeeds and the content
// differs. A lock serialises concurrent changes.
func (f File) change(ctx context.Context, do func(*document) error) error {
	path := f.Path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // replace the target of a symbolic link, not the link
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock, err := flock.Exclusive(ctx, path+".lock")
	if err != nil {
		return err
	}
	defer lock.Unlock()
	defer os.Remove(path + ".lock")
	before, d, err := load(path)
	if err == nil {
		err = do(d)
	}
	if err == nil {
		err = d.write(path, before)
	}
	if err != nil {
		return fmt.Errorf("registry credentials %s: %w", f.Path, err)
	}
	return nil
}

func load(path string) ([]byte, *document, error) {
	d := &document{keys: map[string]json.RawMessage{}, auths: map[string]json.RawMessage{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(data)) == 0 {
		return nil, d, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(data, &d.keys); err != nil {
		return nil, nil, fmt.Errorf("%w: not a JSON object: %w", mctr.ErrInvalid, err)
	}
	if d.keys == nil { // null
		d.keys = map[string]json.RawMessage{}
	}
	if err := d.read("auths", &d.auths); err != nil {
		return nil, nil, err
	}
	if d.auths == nil {
		d.auths = map[string]json.RawMessage{}
	}
	return data, d, nil
}

// write replaces the file and preserves its owner.
func (d *document) write(path string, before []byte) error {
	auths, err := json.Marshal(d.auths)
	if err != nil {
		return err
	}
	if d.keys["auths"] != nil || len(d.auths) > 0 {
		d.keys["auths"] = auths
	}
	data, err := json.MarshalIndent(d.keys, "", "\t")
	if err != nil || bytes.Equal(data, before) || before == nil && len(d.keys) == 0 {
		return err
	}
	info, statErr := os.Stat(path)
	if err := atomicfile.Write(path, data, 0o600); err != nil {
		return err
	}
	if statErr != nil {
		return nil
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return os.Chown(path, int(st.Uid), int(st.Gid))
	}
	return nil
}
