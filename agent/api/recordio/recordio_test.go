package recordio_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mctr/mctr/agent/api/recordio"
)

func TestRecords(t *testing.T) {
	want := []string{"", "a", `{"type":"HEARTBEAT"}`, strings.Repeat("x", 100), "12\n"}
	var stream []byte
	for _, record := range want {
		stream = recordio.Append(stream, []byte(record))
	}
	r := recordio.NewReader(bytes.NewReader(stream), 100)
	for _, record := range want {
		if got, err := r.Next(); err != nil || string(got) != record {
			t.Errorf("%q, %v; want %q", got, err, record)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last: %v", err)
	}
}

func TestNoRecords(t *testing.T) {
	for name, stream := range map[string]string{
		"no number": "x\n", "negative": "-1\na", "signed": "+1\na", "blank": " 1\na", "no length": "\na",
		"hexadecimal":         "0x1\na",
		"longer than allowed": "101\n" + strings.Repeat("x", 101), "longer than 64 bits": "99999999999999999999\n",
		"endless digits": strings.Repeat("1", 1000), "cut in the length": "1", "cut in the record": "5\nabc",
		"cut before it": "5\n",
	} {
		if got, err := recordio.NewReader(strings.NewReader(stream), 100).Next(); !errors.Is(err, recordio.ErrFormat) {
			t.Errorf("%s: %q, %v; want ErrFormat", name, got, err)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("3\nabc0\n"))
	f.Add([]byte("18446744073709551616\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := recordio.NewReader(bytes.NewReader(stream), 1<<10)
		for range len(stream) + 1 {
			record, err := r.Next()
			if err != nil {
				return
			}
			if len(record) > 1<<10 || !bytes.Contains(stream, record) {
				t.Fatalf("%q is not in %q", record, stream)
			}
		}
		t.Fatal("more records than bytes")
	})
}
