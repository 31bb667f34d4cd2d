package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"sync/atomic"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// download makes a call whose answer is an archive, and writes the archive to w.
func (t *transport) download(ctx context.Context, kind string, arguments any, w io.Writer) error {
	answer, err := t.do(ctx, kind, arguments)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	from := &source{Reader: answer.Body}
	_, err = io.Copy(w, from)
	switch lost := from.error(); {
	case errors.Is(lost, io.ErrUnexpectedEOF) && ctx.Err() == nil:
		return fmt.Errorf("%w: agent %s: the archive is cut off (the agent's log says why)", mctr.ErrUnavailable,
			t.options.Address)
	case lost != nil:
		return t.lost(ctx, lost)
	}
	return err
}

// upload makes a call with an archive. The caller closes the body of the answer, which is never an
// error answer.
func (t *transport) upload(ctx context.Context, kind string, arguments any, archive io.Reader) (*http.Response, error) {
	call, err := api.NewMessage(kind, arguments)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	request, err := t.post(ctx, r, form.FormDataContentType())
	if err != nil {
		return nil, err
	}
	from := &source{Reader: archive}
	go func() { _ = w.CloseWithError(writeForm(form, call, from)) }() // never fails
	answer, err := t.send(request)
	if failed := from.error(); err != nil && failed != nil {
		return nil, failed // the agent has only seen that the archive was cut off
	}
	return answer, err
}

func writeForm(form *multipart.Writer, call []byte, archive io.Reader) error {
	part, err := form.CreatePart(partHeader(api.FormCall, api.JSON))
	if err != nil {
		return err
	}
	if _, err := part.Write(call); err != nil {
		return err
	}
	if part, err = form.CreatePart(partHeader(api.FormArchive, api.Tar)); err != nil {
		return err
	}
	if _, err := io.Copy(part, archive); err != nil {
		return err
	}
	return form.Close()
}

func partHeader(name, media string) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", name)},
		"Content-Type": {media}}
}

// A source is a reader that remembers its first error other than io.EOF.
type source struct {
	io.Reader
	failed atomic.Pointer[error]
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed.Store(&err)
	}
	return n, err
}

func (s *source) error() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}
