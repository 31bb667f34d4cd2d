package visible

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestText: nothing that acts on a terminal remains, and everything else is unchanged.
func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":       "plain\ttext\n",
		"grüße 日本 €":          "grüße 日本 €",
		"\x1b]0;title\a":      `\u001b]0;title\u0007`,
		"a\rb\bc\x00\x7f":     `a\u000db\u0008c\u0000\u007f`,
		"c1 \u009b31m":        `c1 \u009b31m`,
		"raw c1 \x9b31m":      `raw c1 \x9b31m`,
		"bidi \u202egnp.exe":  `bidi \u202egnp.exe`,
		"zero\u200bwidth":     `zero\u200bwidth`,
		"line\u2028separator": `line\u2028separator`,
		"replaced \ufffd":     "replaced \ufffd",
		"cut \xe2\x82":        `cut \xe2\x82`,
		"":                    "",
	} {
		if got := Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		var b bytes.Buffer
		if n, err := Writer(&b).Write([]byte(in)); n != len(in) || err != nil || b.String() != want {
			t.Errorf("written: %q, %d, %v", b.String(), n, err)
		}
	}
	if got := Line("a\nb\tc\x1b"); got != `a\nb\tc\u001b` {
		t.Errorf("a line: %q", got)
	}
	for r := rune(0); r < 0x110000; r++ {
		if s := Text(string(r)); r < 0x20 && r != '\n' && r != '\t' && !strings.HasPrefix(s, `\u`) {
			t.Errorf("%U stays", r)
		}
	}
}

// TestJSON: the meaning of a JSON text does not change.
func TestJSON(t *testing.T) {
	want := "\x1b\u009b\u202e\x7f\u2028 ü\n\\"
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal([]byte(Text(string(data))), &got); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestShort(t *testing.T) {
	path := "/" + strings.Repeat("d/", 20000)
	got := Short("open " + path + ": no such file")
	if len(got) > 800 || !strings.HasPrefix(got, "open /d/") ||
		!strings.HasSuffix(got, "d/: no such file") && !strings.HasSuffix(got, ": no such file") {
		t.Errorf("%q", got)
	}
	if many := strings.Repeat("word ", 1000); Short(many) != many {
		t.Error("words of usual length are cut")
	}
}
