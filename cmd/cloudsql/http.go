package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cloudsql/distributed/node"
	"cloudsql/storage/schema"
)

// httpServer serves what operators and tests look at: /healthz, /metrics, /debug/replicas, /debug/pprof.
type httpServer struct {
	server http.Server
	node   atomic.Pointer[node.Node] // nil: not ready
	drain  atomic.Bool
	reg    *prometheus.Registry
	token  string // opens /debug to other machines; "": nothing does
}

func newHTTPServer(token string) *httpServer {
	h := &httpServer{reg: prometheus.NewRegistry(), token: token}
	h.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", h.health)
	mux.Handle("/metrics", promhttp.HandlerFor(h.reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/replicas", h.replicas)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	h.server = http.Server{Handler: h.guard(mux), ReadHeaderTimeout: 10 * time.Second}
	return h
}

// guard keeps what tells of data and work, and what costs a lot, from strangers: /debug is for this machine, and for who
// shows the token. /healthz and /metrics are for everybody who reaches the address.
func (h *httpServer) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p := path.Clean("/" + r.URL.Path); {
		case p == "/healthz", p == "/metrics", isLocal(r.RemoteAddr), h.mayDebug(r):
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "this page is for requests from this machine, or with the token of --http-token", http.StatusUnauthorized)
		}
	})
}

func isLocal(addr string) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

func (h *httpServer) mayDebug(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && h.token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(h.token)) == 1
}

func (h *httpServer) serve(l net.Listener) error {
	if err := h.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ready makes the node's pages available.
func (h *httpServer) ready(p *process) {
	h.reg.MustRegister(newCollector(p))
	h.node.Store(p.node)
}

func (h *httpServer) draining() { h.drain.Store(true) }

func (h *httpServer) close() { _ = h.server.Close() }

// health answers 200 while the node serves, 503 before and while it stops.
func (h *httpServer) health(w http.ResponseWriter, _ *http.Request) {
	n := h.node.Load()
	err := errors.New("starting")
	switch {
	case h.drain.Load():
		err = errors.New("stopping")
	case n != nil:
		err = n.Healthy()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// replicas tells of the replicas on this node, or with ?all=1 on every node that answers; ?at=7,9 adds their hashes at
// log indexes 7 and 9, where they are still known.
func (h *httpServer) replicas(w http.ResponseWriter, r *http.Request) {
	n := h.node.Load()
	if n == nil {
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	at, err := indexes(r.URL.Query().Get("at"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var out any = n.Report(at...)
	if r.URL.Query().Get("all") != "" {
		out = reports(r.Context(), n, at)
	}
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(out)
}

func reports(ctx context.Context, n *node.Node, at []uint64) []*node.Report {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var ids []schema.NodeID
	for _, m := range n.Catalog().Nodes() {
		if !m.Left {
			ids = append(ids, m.ID)
		}
	}
	out := []*node.Report{}
	for _, id := range ids {
		if r, err := n.ReportOf(ctx, id, at...); err == nil {
			out = append(out, r)
		}
	}
	return out
}

func indexes(list string) (out []uint64, err error) {
	if list == "" {
		return nil, nil
	}
	for _, s := range strings.Split(list, ",") {
		i, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("at: %q is not a log index", s)
		}
		out = append(out, i)
	}
	return out, nil
}
