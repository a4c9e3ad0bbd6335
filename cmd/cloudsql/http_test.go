package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestDebugPagesAreGuarded: by the address that a request comes from, or by the token.
func TestDebugPagesAreGuarded(t *testing.T) {
	for _, c := range []struct {
		token, path, from, auth string
		refused                 bool
	}{
		{"", "/debug/replicas", "127.0.0.1:1", "", false},
		{"", "/debug/replicas", "[::1]:1", "", false},
		{"", "/debug/replicas", "[::ffff:127.0.0.1]:1", "", false},
		{"", "/debug/replicas", "10.0.0.1:1", "", true},
		{"", "/debug/replicas", "10.0.0.1:1", "Bearer ", true},
		{"", "/debug/pprof/heap", "10.0.0.1:1", "", true},
		{"", "//debug/pprof/heap", "10.0.0.1:1", "", true},
		{"", "/metrics/../debug/pprof/heap", "10.0.0.1:1", "", true},
		{"", "/anything", "10.0.0.1:1", "", true},
		{"", "/debug/replicas", "nonsense", "", true},
		{"", "/healthz", "10.0.0.1:1", "", false},
		{"", "/metrics", "10.0.0.1:1", "", false},
		{"s3cret", "/debug/replicas", "10.0.0.1:1", "", true},
		{"s3cret", "/debug/replicas", "10.0.0.1:1", "Bearer s3cre", true},
		{"s3cret", "/debug/replicas", "10.0.0.1:1", "s3cret", true},
		{"s3cret", "/debug/replicas", "10.0.0.1:1", "Bearer s3cret", false},
	} {
		h := newHTTPServer(c.token)
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.RemoteAddr = c.from
		if c.auth != "" {
			r.Header.Set("Authorization", c.auth)
		}
		w := httptest.NewRecorder()
		h.server.Handler.ServeHTTP(w, r)
		if refused := w.Code == http.StatusUnauthorized; refused != c.refused {
			t.Errorf("%s from %s with %q and token %q: %d", c.path, c.from, c.auth, c.token, w.Code)
		}
	}
}
