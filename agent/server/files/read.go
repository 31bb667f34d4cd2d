package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/logs"
)

// MaxRead is the maximum length of the data that Read returns, as in Mesos: 16 pages.
const MaxRead = 64 << 10

// Read returns up to length bytes of a file from offset on, but never more than MaxRead, and the size
// of the file. A negative length stands for MaxRead.
func (t Tree) Read(ctx context.Context, name string, offset, length int64) (data []byte, size int64, err error) {
	p, err := parse(name)
	if err != nil {
		return nil, 0, err
	}
	if offset < 0 {
		return nil, 0, fmt.Errorf("%w: offset %d", mctr.ErrInvalid, offset)
	}
	if length < 0 || length > MaxRead {
		length = MaxRead
	}
	return t.read(ctx, p, offset, length)
}

// Size returns the size of a file.
func (t Tree) Size(ctx context.Context, name string) (int64, error) {
	p, err := parse(name)
	if err != nil {
		return 0, err
	}
	_, size, err := t.read(ctx, p, -1, 0)
	return size, err
}

// read implements Read and, with a negative offset, Size: then it returns no data.
func (t Tree) read(ctx context.Context, p place, offset, length int64) ([]byte, int64, error) {
	if p.id == "" || !p.in {
		return nil, 0, fmt.Errorf("%w: %s is a directory (browse it)", mctr.ErrInvalid, p.path(""))
	}
	status, err := t.Containers.Status(ctx, p.id)
	if err != nil {
		return nil, 0, err
	}
	if stream, ok := streams[p.rest]; ok {
		data, size, err := t.stream(ctx, p.id, stream, offset, length)
		if !errors.Is(err, mctr.ErrUnsupported) {
			return data, size, err
		}
	}
	f, info, err := open(status.Sandbox, p.rest)
	if errors.Is(err, mctr.ErrNotFound) {
		return nil, 0, p.missing()
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	if info.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil, 0, fmt.Errorf("%w: %s is a directory (browse it)", mctr.ErrInvalid, p.path(""))
	}
	if offset < 0 {
		return nil, info.Size, nil
	}
	data, err := io.ReadAll(io.NewSectionReader(f, offset, length))
	return data, info.Size, err
}

// stream reads a stream of the log as the task printed it. Offsets begin at the oldest line that log
// rotation has kept.
func (t Tree) stream(ctx context.Context, id mctr.ContainerID, stream logs.Stream, offset,
	length int64) (data []byte, size int64, err error) {
	w := window{from: offset, to: offset + length}
	err = t.Containers.Logs(ctx, id, logs.ReadOptions{Tail: -1, Streams: stream}, func(e logs.Entry) error {
		if e.Gap {
			return nil
		}
		w.write(e.Text)
		if !e.Partial {
			w.write([]byte{'\n'})
		}
		return nil
	})
	return w.data, w.at, err
}

// A window keeps the part of the written data between two offsets.
type window struct {
	from, to int64
	at       int64
	data     []byte
}

func (w *window) write(p []byte) {
	begin, end := max(w.from, w.at), min(w.to, w.at+int64(len(p)))
	if w.from >= 0 && begin < end {
		w.data = append(w.data, p[begin-w.at:end-w.at]...)
	}
	w.at += int64(len(p))
}
