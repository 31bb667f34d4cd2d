package server

import (
	"net/http"
	"time"
)

// drainTimeout is what a client has to end a body that nobody reads any more.
const drainTimeout = time.Second

// BodyTimeout bounds the time that the body of a request has to arrive, for as long as
// nobody who reads it sets another time, and what is left of it after the answer.
func BodyTimeout(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		c := http.NewResponseController(w)
		_ = c.SetReadDeadline(time.Now().Add(limit)) // on a connection that has gone no deadline is needed
		next.ServeHTTP(w, r)
		_ = c.SetReadDeadline(time.Now().Add(drainTimeout))
	})
}

// answerAtOnce has an answer not wait for the rest of the request's body, of which
// nothing can come any more that changes it.
func answerAtOnce(w http.ResponseWriter) { w.Header().Set("Connection", "close") }
