// Package visible makes text safe to print: text from images, registries and containers may contain
// escape sequences that move a terminal's cursor, change its title or answer for its user. It
// creates nothing.
package visible

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text returns s with an escape, \u001b for instance, in place of each character that a terminal
// acts on. Newlines and tabs stay. The meaning of a JSON text does not change.
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

// Line is Text that also escapes newlines and tabs.
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

// acts returns true if a terminal acts on r: the control characters of ASCII and Latin-1, and
// characters that change the direction of text or end its line.
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

// longest is the most bytes that a word in an error may have.
const longest = 600

// Short returns text without the middle of very long words, for instance paths.
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

// Middle returns s, without its middle if s has more than most bytes.
func Middle(s string, most int) string {
	if len(s) <= most {
		return s
	}
	head, tail := s[:most/2], s[len(s)-most/2:]
	return fmt.Sprintf("%s[... %d bytes ...]%s", strings.ToValidUTF8(head, ""), len(s)-most,
		strings.ToValidUTF8(tail, ""))
}

// Writer returns a writer that writes to w as Text does. A Write must not end inside a character.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
