package usage

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
)

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		read, written uint64
	}{
		{"empty", "", 0, 0},
		{"v1",
			"8:0 Read 4096\n8:0 Write 512\n8:0 Sync 4608\n8:0 Async 0\n8:0 Discard 0\n8:0 Total 4608\n8:16 Read 1\n" +
				"Total 4609\n", 4097, 512},
		{"v2",
			"8:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=7 dios=1\n" +
				"253:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n", 4097, 514},
		{"v2 without numbers", "8:0\n8:16 \n", 0, 0},
		{"torn", "8:0 Read\n8:0 rbytes=\n8:0 wbytes=x\n", 0, 0},
	} {
		if read, written := sum([]byte(c.text)); read != c.read || written != c.written {
			t.Errorf("%s: %d read, %d written; want %d, %d", c.name, read, written, c.read, c.written)
		}
	}
}

func TestPressure(t *testing.T) {
	const some, full = "some avg10=1.25 avg60=0.50 avg300=0.10 total=42\n",
		"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
	for _, c := range []struct {
		name, text string
		want       *mctr.Pressure
	}{
		{"both", some + full,
			&mctr.Pressure{Some: mctr.Stall{Avg10: 1.25, TotalNanos: 42000}, Full: &mctr.Stall{TotalNanos: 7000}}},
		{"cpu before Linux 5.13", some, &mctr.Pressure{Some: mctr.Stall{Avg10: 1.25, TotalNanos: 42000}}},
		{"no file", "", nil},
		{"full alone", full, nil},
		{"no total", "some avg10=1.25 avg60=0.50\n", nil},
		{"no number", "some avg10=x total=1\n", nil},
	} {
		if diff := cmp.Diff(c.want, pressure([]byte(c.text))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestInterfaces(t *testing.T) {
	const head = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls " +
		"carrier compressed\n"
	for _, c := range []struct {
		name, text string
		want       []mctr.NetworkUsage
	}{
		{"none", head, nil},
		{"two", head + "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  eth0:17 0 0 0 0 0 0 0 18 0 0 0 0 0 0 0\n",
			[]mctr.NetworkUsage{
				{Name: "lo", RxBytes: 1, RxPackets: 2, RxErrors: 3, RxDropped: 4, TxBytes: 9, TxPackets: 10,
					TxErrors: 11, TxDropped: 12},
				{Name: "eth0", RxBytes: 17, TxBytes: 18},
			}},
		{"a name with a colon", "a:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", []mctr.NetworkUsage{
			{Name: "a:1", RxBytes: 1, RxPackets: 2, RxErrors: 3, RxDropped: 4, TxBytes: 9, TxPackets: 10, TxErrors: 11,
				TxDropped: 12}}},
		{"torn", head + "lo: 1 2 3\neth0: x 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", nil},
	} {
		if diff := cmp.Diff(c.want, interfaces([]byte(c.text))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// FuzzParse: no text yields more values than it can contain.
func FuzzParse(f *testing.F) {
	f.Add([]byte("8:0 Read 4096\n8:0 rbytes=1 wbytes=2\n"))
	f.Add([]byte("some avg10=1.25 avg60=0.50 avg300=0.10 total=42\nfull avg10=0 total=7\n"))
	f.Add([]byte("lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sum(text)
		if p := pressure(text); p != nil && len(text) < len("some avg10=0 total=0") {
			t.Errorf("%q: %+v", text, p)
		}
		if n := len(interfaces(text)); n > len(text)/len(": 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6") {
			t.Errorf("%q: %d interfaces", text, n)
		}
	})
}
