package format

import "strings"

// SplitReference splits a reference into repository and tag. A missing part is "<none>".
func SplitReference(ref string) (repository, tag string) {
	if strings.HasPrefix(ref, "sha256:") {
		return "<none>", "<none>" // an image without a name
	}
	if name, _, ok := strings.Cut(ref, "@"); ok {
		return name, "<none>"
	}
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, "<none>"
}

// ShortDigest shortens a digest as docker does.
func ShortDigest(hex string) string { return hex[:min(12, len(hex))] }
