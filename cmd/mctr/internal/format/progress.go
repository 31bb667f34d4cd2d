package format

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/mctr/mctr/provisioner"
)

// Progress returns a function that prints the progress of a pull to f: on a terminal as one line that
// is redrawn, otherwise as one line per layer.
func Progress(f *os.File) provisioner.Progress {
	if IsTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		b := &bar{f: f, layers: map[string]provisioner.Event{}}
		return b.event
	}
	return func(e provisioner.Event) { plain(f, e) }
}

func plain(f *os.File, e provisioner.Event) {
	switch e.Kind {
	case provisioner.Resolved:
		fmt.Fprintf(f, "pulling %s (%s)\n", e.Reference, e.Digest)
	case provisioner.Exists:
		fmt.Fprintf(f, "layer %s: exists\n", ShortDigest(e.Digest.Encoded()))
	case provisioner.Unpacked:
		fmt.Fprintf(f, "layer %s: unpacked, %s\n", ShortDigest(e.Digest.Encoded()), units.BytesSize(float64(e.Total)))
	case provisioner.Waiting:
		fmt.Fprintln(f, waitText(e))
	case provisioner.Done:
		fmt.Fprintf(f, "pulled %s\n", e.Reference)
	}
}

func waitText(e provisioner.Event) string {
	return fmt.Sprintf("waiting %s: %s asks to be left alone for so long",
		time.Duration(e.Wait).Round(100*time.Millisecond), e.Host)
}

// A bar shows the progress of all layers in one line.
type bar struct {
	f      *os.File
	layers map[string]provisioner.Event
	drawn  time.Time
}

const barWidth = 30

func (b *bar) event(e provisioner.Event) {
	switch e.Kind {
	case provisioner.Resolved:
		fmt.Fprintf(b.f, "pulling %s\n", e.Reference)
		return
	case provisioner.Waiting:
		fmt.Fprintf(b.f, "\r\x1b[K%s\n", waitText(e))
		return
	case provisioner.Done:
		fmt.Fprintf(b.f, "\r\x1b[Kpulled %s\n", e.Reference)
		return
	}
	b.layers[string(e.Digest)] = e
	if time.Since(b.drawn) > 50*time.Millisecond {
		b.draw()
	}
}

func (b *bar) draw() {
	b.drawn = time.Now()
	var done, total int64
	ready := 0
	for _, e := range b.layers {
		if e.Kind == provisioner.Exists || e.Kind == provisioner.Unpacked {
			ready++
			e.Done = e.Total
		}
		done, total = done+e.Done, total+e.Total
	}
	filled := 0
	if total > 0 {
		filled = int(barWidth * done / total)
	}
	fmt.Fprintf(b.f, "\r\x1b[K[%s%s] %s of %s, %d of %d layers", strings.Repeat("=", filled),
		strings.Repeat(" ", barWidth-filled), units.BytesSize(float64(done)), units.BytesSize(float64(total)), ready,
		len(b.layers))
}
