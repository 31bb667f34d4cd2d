package server

import "testing"

func TestModeText(t *testing.T) {
	for mode, want := range map[uint32]string{
		0o100644: "-rw-r--r--", 0o040755: "drwxr-xr-x", 0o120777: "lrwxrwxrwx", 0o104755: "-rwsr-xr-x",
		0o102644: "-rw-r-Sr--",
		0o041777: "drwxrwxrwt", 0o041776: "drwxrwxrwT", 0o010600: "prw-------", 0o140755: "srwxr-xr-x",
		0o060660: "brw-rw----", 0o020000: "c---------",
	} {
		if got := modeText(mode); got != want {
			t.Errorf("%o: %s, want %s", mode, got, want)
		}
	}
}

func TestWholeRunes(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "ä": "ä", "aä": "aä", "a\xc3": "a", "\xc3": "\xc3", "a\xe2\x82": "a", "a\xf0\x9f\x98": "a",
		"a€": "a€", "a\xff": "a\xff", "a\x80\x80\x80\x80": "a\x80\x80\x80\x80",
	} {
		if got := string(wholeRunes([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
