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

// callOfForm reads the first part of a form, which is the call. It leaves the body of the request in
// place: from that body, net/http knows whether it was read to its end, and does not close the
// connection under a client that is still writing.
func (x *exchange) callOfForm() ([]byte, error) {
	body := &timedBody{ReadCloser: x.r.Body, http: http.NewResponseController(x.w), stall: x.StallTime,
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

// nextPart returns the next part of a form. It fails if the part has another name.
func nextPart(form *multipart.Reader, name string, limit time.Duration) (*multipart.Part, error) {
	part, err := form.NextRawPart()
	switch {
	case err == io.EOF: //nolint:errorlint // only a complete form ends with the bare io.EOF
		return nil, fmt.Errorf("%w: the form lacks the part %q", mctr.ErrInvalid, name)
	case err != nil:
		return nil, cutOff("the form", limit, err)
	case part.FormName() != name:
		return nil, fmt.Errorf("%w: want the parts %q and %q, in this order, not %.64q", mctr.ErrInvalid,
			api.FormCall, api.FormArchive, part.FormName())
	}
	return part, nil
}

// archive calls do with the archive of the call. If the archive is cut off or stalls, archive fails
// even if do succeeds.
func (x *exchange) archive(do func(io.Reader) error) error {
	if x.form == nil {
		return statusError{http.StatusUnsupportedMediaType,
			fmt.Errorf("%w: Content-Type: %s needs an archive: want %s", mctr.ErrInvalid, x.kind, api.Form)}
	}
	// The answer is sent when do returns, which may be before the whole body has arrived. The
	// connection cannot be used for another call after that.
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
	return fmt.Errorf("%w: unexpected data after the archive", mctr.ErrInvalid)
}

// An archiveReader remembers its first error other than io.EOF.
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

// A timedBody is a body that fails if a part of it does not arrive in time.
type timedBody struct {
	io.ReadCloser
	http  *http.ResponseController
	stall time.Duration // for each part of the body
	until time.Time     // for the call at its beginning; zero: no such limit
}

func (a *timedBody) Read(p []byte) (int, error) {
	limit := time.Now().Add(a.stall)
	if !a.until.IsZero() && a.until.Before(limit) {
		limit = a.until
	}
	if err := a.http.SetReadDeadline(limit); err != nil {
		return 0, err
	}
	return a.ReadCloser.Read(p)
}

// downloadBuffer is how many bytes of an archive are collected before the answer begins. An error
// before that is answered with its own status.
const downloadBuffer = 256 << 10

// download answers with the archive that do writes. After an error in the middle, the answer is cut
// off.
func (x *exchange) download(do func(io.Writer) error) error {
	w := bufio.NewWriterSize(timedAnswer{x}, downloadBuffer)
	if err := do(w); err != nil {
		if x.begun && x.r.Context().Err() == nil {
			x.log.Warn("cut an archive off", "type", x.kind, "error", err)
		}
		return err
	}
	return w.Flush()
}

// A timedAnswer is an answer that fails if the client does not read a part of it in time.
type timedAnswer struct{ x *exchange }

func (t timedAnswer) Write(p []byte) (int, error) {
	if !t.x.begun {
		t.x.begun = true
		t.x.w.Header().Set("Content-Type", api.Tar)
	}
	if err := http.NewResponseController(t.x.w).SetWriteDeadline(time.Now().Add(t.x.StallTime)); err != nil {
		return 0, err
	}
	return t.x.w.Write(p)
}
