package operator

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/mctr/mctr"
)

// Authenticated lets only those in who show token, as RFC 6750 has it. The time
// that a comparison takes says nothing of the token.
func Authenticated(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(shown)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="mctr-agent"`)
			writeFailure(w, http.StatusUnauthorized, fmt.Errorf("%w: this agent wants \"Authorization: Bearer TOKEN\", with its own token", mctr.ErrInvalid))
			return
		}
		next.ServeHTTP(w, r)
	})
}
