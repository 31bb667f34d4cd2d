package layer

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"

	"github.com/mctr/mctr"
)

// The first bytes of the formats that compress layers. They decide how to decompress, not the media
// type, which is often wrong; the diffID proves the choice.
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	foreign   = map[string][]byte{"bzip2": []byte("BZh"), "xz": {0xfd, '7', 'z', 'X', 'Z', 0}}
)

// zstdWindow is the most memory that one zstd frame may ask for.
const zstdWindow = 128 << 20

// Decompress returns the decompressed content of a stream that is gzip, zstd or uncompressed.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(6)
	if err != nil && len(head) == 0 && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := pgzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("%w: gzip: %w", mctr.ErrInvalid, err)
		}
		return gzipReader{z}, nil
	case bytes.HasPrefix(head, zstdMagic):
		z, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("%w: zstd: %w", mctr.ErrInvalid, err)
		}
		return z.IOReadCloser(), nil
	}
	for name, magic := range foreign {
		if bytes.HasPrefix(head, magic) {
			return nil, fmt.Errorf("%w: layer is compressed with %s (the image-spec allows gzip and zstd)",
				mctr.ErrUnsupported, name)
		}
	}
	return io.NopCloser(b), nil
}

// gzipReader hides pgzip's WriteTo, which returns io.EOF at the end of the stream.
type gzipReader struct{ z *pgzip.Reader }

func (g gzipReader) Read(p []byte) (int, error) { return g.z.Read(p) }
func (g gzipReader) Close() error               { return g.z.Close() }

// IsCompressed returns true if head is the start of a gzip or zstd stream.
func IsCompressed(head []byte) bool {
	return bytes.HasPrefix(head, gzipMagic) || bytes.HasPrefix(head, zstdMagic)
}
