package api

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
)

// TestDecodeBytes refuses bytes that the decoder would replace.
func TestDecodeBytes(t *testing.T) {
	var v struct{ A string }
	if err := Decode([]byte("{\"A\":\"a\xffb\"}"), &v); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("%v, %q: want a refusal", err, v.A)
	}
	if err := Decode([]byte(`{"A":"ü\u00fc"}`), &v); err != nil || v.A != "üü" {
		t.Errorf("%v, %q", err, v.A)
	}
}
