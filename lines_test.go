package mctr_test

import (
	"go/scanner"
	"go/token"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is how wide a line of source may be, a tab counting as four: two files fit side
// by side on a screen, and a review shows a line whole.
const columns = 120

// TestLineLength reads every Go file of the tree. What a raw string literal holds is not
// the tree's text, and may be as wide as it is.
func TestLineLength(t *testing.T) {
	for _, file := range sources(t) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		raw := rawLines(source)
		for i, line := range strings.Split(string(source), "\n") {
			if width := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")); width > columns && !raw[i+1] {
				t.Errorf("%s:%d: %d columns, want at most %d", file, i+1, width, columns)
			}
		}
	}
}

// rawLines returns the numbers of the lines that a part of a raw string literal is in.
func rawLines(source []byte) map[int]bool {
	lines := map[int]bool{}
	file := token.NewFileSet().AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	for {
		at, kind, text := s.Scan()
		if kind == token.EOF {
			return lines
		}
		if kind != token.STRING || text[0] != '`' {
			continue
		}
		first := file.Line(at)
		for n := range strings.Count(text, "\n") + 1 {
			lines[first+n] = true
		}
	}
}
