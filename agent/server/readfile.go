package server

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// A piece is a part of a file in Mesos' form. JSON holds text: what is none is read
// by READ_FILE.
type piece struct {
	Data   string `json:"data"`
	Offset int64  `json:"offset"`
}

// serveRead gives a part of a file, or for offset -1 where it ends.
func (s *Server) serveRead(w http.ResponseWriter, r *http.Request) {
	s.serveFiles(w, r, "/files/read", func(ctx context.Context) (any, error) {
		offset, err := number(r, "offset")
		if err != nil {
			return nil, err
		}
		length, err := number(r, "length")
		if err != nil {
			return nil, err
		}
		if offset == -1 {
			size, err := s.files.Size(ctx, r.FormValue("path"))
			return piece{Offset: size}, err
		}
		data, _, err := s.files.Read(ctx, r.FormValue("path"), offset, length)
		return piece{Data: string(wholeRunes(data)), Offset: offset}, err
	})
}

// number is a parameter, or -1.
func number(r *http.Request, name string) (int64, error) {
	text := r.FormValue(name)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1 {
		return 0, fmt.Errorf("%w: %s=%.64q: want a number, or -1", mctr.ErrInvalid, name, text)
	}
	return n, nil
}

// wholeRunes leaves a character that is cut off at the end to the next piece, if
// there is anything before it.
func wholeRunes(data []byte) []byte {
	for back := 1; back < utf8.UTFMax && back < len(data); back++ {
		tail := data[len(data)-back:]
		if !utf8.RuneStart(tail[0]) {
			continue
		}
		if !utf8.FullRune(tail) {
			return data[:len(data)-back]
		}
		break
	}
	return data
}

// readFile is /files/read as a call.
func (s *Server) readFile(ctx context.Context, in api.FileRange) (api.FileData, error) {
	length := int64(-1)
	if in.Length != nil {
		length = *in.Length
	}
	data, size, err := s.files.Read(ctx, in.Path, in.Offset, length)
	return api.FileData{Size: size, Data: data}, err
}
