// Package visible makes text safe to print: what images, registries and containers say
// may hold sequences that move a terminal's cursor, retitle its window or answer for
// its user. It creates nothing.
package visible

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text is s with each character that does something other than stand there written as
// an escape: \u001b. Newlines and tabs stay. A JSON text means the same afterwards.
func Text(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case acts(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Line is Text of what is to stay on its line and in its column.
func Line(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Text(s))
}

func clean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			return !strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || acts(r) })
		}
	}
	return true
}

// acts reports whether a terminal does something for r: the control characters of ASCII
// and Latin-1, and those that turn the direction or end the line of text.
func acts(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < ' ', r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x061c, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff,
		r >= 0xfff9 && r <= 0xfffb:
		return true
	}
	return false
}

// longest is how many bytes without a space an error may have.
const longest = 600

// Short is text in which the middle of each word that is very long, a path for
// instance, is left out.
func Short(text string) string {
	if len(text) <= longest {
		return text
	}
	words := strings.Split(text, " ")
	for i, word := range words {
		words[i] = Middle(word, longest)
	}
	return strings.Join(words, " ")
}

// Middle is s, of which the middle is left out where it has more than most bytes.
func Middle(s string, most int) string {
	if len(s) <= most {
		return s
	}
	head, tail := s[:most/2], s[len(s)-most/2:]
	return fmt.Sprintf("%s[... %d bytes ...]%s", strings.ToValidUTF8(head, ""), len(s)-most,
		strings.ToValidUTF8(tail, ""))
}

// Writer writes what is written to it to w, as Text. Each call is whole characters.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

// Write is io.Writer's.
func (w writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
