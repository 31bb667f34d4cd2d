package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/mctr/mctr"
)

// Authenticated lets only those in who show what token gives then, as RFC 6750 has
// it. The time that a comparison takes says nothing of the token.
func Authenticated(token func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := sha256.Sum256([]byte(token()))
		scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(shown)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="mctr-agent"`)
			writeFailure(w, http.StatusUnauthorized,
				fmt.Errorf("%w: this agent wants \"Authorization: Bearer TOKEN\", with its own token", mctr.ErrInvalid))
			return
		}
		next.ServeHTTP(w, r)
	})
}
