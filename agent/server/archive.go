package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// callOfForm reads the first part of a form: the call. The request keeps its own body,
// by which the server knows that one was not read whole, and that its answer must not
// be lost to a client that still writes.
func (x *exchange) callOfForm() ([]byte, error) {
	body := &arriving{ReadCloser: x.r.Body, http: http.NewResponseController(x.w), stall: x.StallTime,
		until: time.Now().Add(x.BodyTime)}
	_, parameters, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return nil, fmt.Errorf("%w: Content-Type: %s without a boundary", mctr.ErrInvalid, api.Form)
	}
	form := multipart.NewReader(body, parameters["boundary"])
	part, err := nextPart(form, api.FormCall, x.BodyTime)
	if err != nil {
		return nil, err
	}
	x.form = form
	data, err := x.readCall(part)
	body.until = time.Time{}
	return data, err
}

// nextPart is a form's, which has to have this name.
func nextPart(form *multipart.Reader, name string, limit time.Duration) (*multipart.Part, error) {
	part, err := form.NextRawPart()
	switch {
	case err == io.EOF: //nolint:errorlint // the form's end as it should be; a body that is cut off wraps it
		return nil, fmt.Errorf("%w: the form has no part %q", mctr.ErrInvalid, name)
	case err != nil:
		return nil, cutOff("the form", limit, err)
	case part.FormName() != name:
		return nil, fmt.Errorf("%w: a form has the parts %q and %q, in this order, not %.64q", mctr.ErrInvalid,
			api.FormCall, api.FormArchive, part.FormName())
	}
	return part, nil
}

// archive gives do the archive that the call brings. One that is cut off, or stalls,
// is an error whatever do makes of it.
func (x *exchange) archive(do func(io.Reader) error) error {
	if x.form == nil {
		return statusError{http.StatusUnsupportedMediaType,
			fmt.Errorf("%w: Content-Type: %s brings an archive: want %s", mctr.ErrInvalid, x.kind, api.Form)}
	}
	// What do says is answered when it is known, not when all has arrived. The next
	// call must not come on a connection of which the rest is not read.
	x.w.Header().Set("Connection", "close")
	if err := http.NewResponseController(x.w).EnableFullDuplex(); err != nil {
		return err
	}
	part, err := nextPart(x.form, api.FormArchive, x.StallTime)
	if err != nil {
		return err
	}
	r := &archiveReader{Reader: part}
	if err = do(r); err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if r.err != nil {
		return cutOff("the archive", x.StallTime, r.err)
	}
	if err != nil {
		return err
	}
	return x.endOfForm()
}

func (x *exchange) endOfForm() error {
	switch _, err := x.form.NextRawPart(); {
	case err == io.EOF: //nolint:errorlint // see nextPart
		return nil
	case err != nil:
		return cutOff("the form", x.StallTime, err)
	}
	return fmt.Errorf("%w: something follows the archive", mctr.ErrInvalid)
}

// An archiveReader remembers why it ended early.
type archiveReader struct {
	io.Reader
	err error
}

func (r *archiveReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// An arriving body is one of which a piece has to arrive in time.
type arriving struct {
	io.ReadCloser
	http  *http.ResponseController
	stall time.Duration // for a piece
	until time.Time     // for the call in it, where that is sooner
}

func (a *arriving) Read(p []byte) (int, error) {
	limit := time.Now().Add(a.stall)
	if !a.until.IsZero() && a.until.Before(limit) {
		limit = a.until
	}
	if err := a.http.SetReadDeadline(limit); err != nil {
		return 0, err
	}
	return a.ReadCloser.Read(p)
}

// downloadBuffer is what is known of an archive before its answer begins, in bytes:
// an error meanwhile has a status of its own.
const downloadBuffer = 256 << 10

// download answers with the archive that do writes. After an error in the middle of it
// the answer is cut off.
func (x *exchange) download(do func(io.Writer) error) error {
	w := bufio.NewWriterSize(taken{x}, downloadBuffer)
	if err := do(w); err != nil {
		if x.begun && x.r.Context().Err() == nil {
			x.log.Warn("cut an archive off", "type", x.kind, "error", err)
		}
		return err
	}
	return w.Flush()
}

// taken is an answer of which a piece has to be taken in time.
type taken struct{ x *exchange }

func (t taken) Write(p []byte) (int, error) {
	if !t.x.begun {
		t.x.begun = true
		t.x.w.Header().Set("Content-Type", api.Tar)
	}
	if err := http.NewResponseController(t.x.w).SetWriteDeadline(time.Now().Add(t.x.StallTime)); err != nil {
		return 0, err
	}
	return t.x.w.Write(p)
}
