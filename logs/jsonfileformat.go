package logs

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"
)

// jsonEncoder writes Docker's json-file format. JSON strings hold characters, not bytes: a text
// that is not UTF-8 is added in base64 under the key "bytes", which other readers ignore.
type jsonEncoder struct{ tail []byte } // what follows the text in the batch's lines

func (e *jsonEncoder) begin(now time.Time, s Stream) {
	e.tail = append(e.tail[:0], `,"stream":"`...)
	e.tail = append(e.tail, s.String()...)
	e.tail = append(e.tail, `","time":"`...)
	e.tail = now.UTC().AppendFormat(e.tail, timeForm)
	e.tail = append(e.tail, '"')
}

func (e *jsonEncoder) appendLine(dst []byte, p piece) []byte {
	dst = append(dst, `{"log":"`...)
	dst = appendEscaped(dst, p.text)
	if !p.partial {
		dst = append(dst, `\n`...)
	}
	dst = append(dst, '"')
	dst = append(dst, e.tail...)
	if !utf8.Valid(p.text) {
		dst = append(dst, `,"bytes":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, p.text)
		dst = append(dst, '"')
	}
	return append(dst, '}', '\n')
}

func (e *jsonEncoder) worst(text int) int { return 6*text + 2*text + 160 }

const hex = "0123456789abcdef"

// appendEscaped appends text as the content of a JSON string.
func appendEscaped(dst, text []byte) []byte {
	for {
		n := plain(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			return dst
		}
		if r, size := utf8.DecodeRune(text); size > 1 {
			dst = append(dst, text[:size]...)
			text = text[size:]
		} else {
			dst = appendEscape(dst, byte(min(r, utf8.RuneSelf)))
			text = text[1:]
		}
	}
}

// plain returns the length of the prefix of text that is ASCII without characters to escape. It
// checks eight bytes at once ("determine if a word has a byte less than n", Bit Twiddling Hacks).
func plain(text []byte) (n int) {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; n+8 <= len(text); n += 8 {
		w := binary.LittleEndian.Uint64(text[n:])
		quote, slash := w^each*'"', w^each*'\\'
		if (w|(w-each*' ')&^w|(quote-each)&^quote|(slash-each)&^slash)&high != 0 {
			break
		}
	}
	for n < len(text) && text[n] >= ' ' && text[n] < utf8.RuneSelf && text[n] != '"' && text[n] != '\\' {
		n++
	}
	return n
}

func appendEscape(dst []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\t':
		return append(dst, `\t`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c >= utf8.RuneSelf: // not a character
		return append(dst, `\ufffd`...)
	default:
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}

var errNotJSONFile = errors.New("not a line of a json-file log")

// parseJSON parses a line of a json-file log.
func parseJSON(line []byte) (Entry, error) {
	var l struct {
		Log    *string
		Stream string
		Time   time.Time
		Bytes  []byte
	}
	if err := json.Unmarshal(line, &l); err != nil || l.Log == nil {
		return Entry{}, errNotJSONFile
	}
	stream, ok := parseStream([]byte(l.Stream))
	if !ok {
		return Entry{}, errNotJSONFile
	}
	text := []byte(*l.Log)
	full := len(text) > 0 && text[len(text)-1] == '\n'
	if full {
		text = text[:len(text)-1]
	}
	if l.Bytes != nil {
		text = l.Bytes
	}
	return Entry{Time: l.Time, Stream: stream, Text: text, Partial: !full}, nil
}
