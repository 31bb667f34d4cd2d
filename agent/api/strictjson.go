package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/fields"
)

// Decode reads one JSON value. It refuses unknown names, a name given twice, data after the value,
// and a message that lacks a container id. The error wraps mctr.ErrInvalid.
func Decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("%w: the JSON is not valid UTF-8", mctr.ErrInvalid)
	}
	if err := unambiguous(json.NewDecoder(bytes.NewReader(data))); err != nil {
		return fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if errors.Is(err, mctr.ErrUnsupported) || errors.Is(err, mctr.ErrInvalid) {
			return err
		}
		return fmt.Errorf("%w: %w", mctr.ErrInvalid, fields.Renamed(err, v))
	}
	return checkContainerID(v)
}

// unambiguous fails unless d has exactly one value, in which no object has the same name twice.
func unambiguous(d *json.Decoder) error {
	if err := value(d, 0); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("the JSON is empty or cut off")
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("unexpected data after the JSON value")
	}
	return nil
}

// maxDepth bounds the nesting of values. The longest container id is nested 32 deep.
const maxDepth = 100

// value reads and checks one value.
func value(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for d.More() {
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			text, _ := name.(string)
			if names[text] {
				return fmt.Errorf("%q is given twice", text)
			}
			names[text] = true
		}
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // the end
	return err
}
