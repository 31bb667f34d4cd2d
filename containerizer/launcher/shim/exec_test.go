package shim

import (
	"errors"
	"testing"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// TestSlowExec has one exec end while another, which takes its time, is on its way
// in: whoever hung there would end this test by its timeout.
func TestSlowExec(t *testing.T) {
	var s sessions
	_, done, err := s.begin(func() (*engine.Process, error) { return &engine.Process{Pid: 1 << 30}, nil })
	if err != nil {
		t.Fatal(err)
	}
	entering, enter, left := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, _, err := s.begin(func() (*engine.Process, error) {
			close(entering)
			<-enter
			return nil, errors.New("no way in")
		})
		left <- err
	}()
	<-entering
	done()
	close(enter)
	if err := <-left; err == nil {
		t.Error("an exec that failed was begun")
	}
	s.end()
	if _, _, err := s.begin(nil); err == nil {
		t.Error("an exec was begun after the end")
	}
}
