package libcontainer

import "testing"

func TestDescriptorOf(t *testing.T) {
	for path, want := range map[string]int{
		"/proc/self/fd/9": 9, "/proc/self/exe": -1, "/proc/self/fd/": -1, "/proc/self/fd/9/x": -1, "9": -1, "": -1,
	} {
		if got := descriptorOf(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}
