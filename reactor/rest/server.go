// Package rest serves the lake as an Iceberg REST catalog: the API that Iceberg's OpenAPI document describes, version 1. What an
// engine commits goes through lake's own compare-and-swap, so that engines with SQL catalogs, engines with this one and the reactor
// see one catalog. Which role a token has, and which keys a role gets for a table, package access says.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/reactor/access"
	"millrace/reactor/health"
	"millrace/reactor/lake"
)

// maxBody limits the body of a request. A commit that expires a million snapshots has some 20 MB.
const maxBody = 32 << 20

// Config is what a server works with.
type Config struct {
	Lake   *lake.Lake
	Bucket string
	// Tokens tells who asks. Nobody is let in whose token it does not know.
	Tokens access.Tokens
	// Keys lends a role keys for the folder of the table at location (default: nobody gets keys).
	Keys func(ctx context.Context, role access.Role, location string) (access.Keys, error)
	// Client has the properties by which clients reach the bucket with keys of their own: no secret is among them.
	Client map[string]string
	// Folder is where new tables lie, as files of this machine, and where tables may lie beside the bucket (default: new tables lie
	// in the bucket, and no table may lie elsewhere).
	Folder *lake.Folder
	// Registry shows what the server measures (default: nobody sees it).
	Registry prometheus.Registerer
	// Log (default: slog's).
	Log *slog.Logger
}

// Server answers the calls of Iceberg's REST API. It holds no state but caches: several may serve one catalog.
type Server struct {
	Config
	places  places
	metrics metrics
	homes   *lru.Cache[string, string] // where a table lies, by the location of its metadata
	short   *lru.Cache[string, []byte] // metadata without most snapshots, by its location
}

const (
	// knownHomes is how many places of tables are remembered, some 200 bytes each.
	knownHomes = 4096
	// shortDocuments is how many pieces of metadata without most snapshots are remembered, each of shortDocument bytes at the most.
	shortDocuments, shortDocument = 128, 64 << 10
)

// New makes a server.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	homes, _ := lru.New[string, string](knownHomes) // it fails for a size that is not positive only
	short, _ := lru.New[string, []byte](shortDocuments)
	return &Server{Config: cfg, places: places{cfg.Bucket, cfg.Folder}, metrics: newMetrics(cfg.Registry), homes: homes, short: short}
}

// call serves a request, or says why not.
type call func(*Server, http.ResponseWriter, *http.Request) error

// endpoint is a call of the API.
type endpoint struct {
	method, path string // as Iceberg's OpenAPI document has them, without the prefix
	serve        call
	// again answers a request that took effect before. A call that has it changes the catalog: only a role that may write may call it.
	again call
}

// endpoints are those that are served. /v1/config lists them.
func endpoints() []endpoint {
	const namespace, tables, views = "/v1/namespaces/{namespace}", "/v1/namespaces/{namespace}/tables", "/v1/namespaces/{namespace}/views"
	return []endpoint{
		{"GET", "/v1/namespaces", (*Server).listNamespaces, nil},
		{"POST", "/v1/namespaces", (*Server).createNamespace, againNamespace},
		{"GET", namespace, (*Server).loadNamespace, nil},
		{"HEAD", namespace, (*Server).namespaceExists, nil},
		{"DELETE", namespace, (*Server).dropNamespace, againNothing},
		{"POST", namespace + "/properties", (*Server).changeNamespace, againProperties},
		{"GET", tables, inPages(lake.KindTable), nil},
		{"POST", tables, (*Server).createTable, againNew},
		{"POST", namespace + "/register", (*Server).registerTable, againNew},
		{"GET", tables + "/{table}", (*Server).loadTable, nil},
		{"HEAD", tables + "/{table}", exists(lake.KindTable), nil},
		{"POST", tables + "/{table}", (*Server).commitTable, againTable},
		{"DELETE", tables + "/{table}", (*Server).dropTable, againNothing},
		{"GET", tables + "/{table}/credentials", (*Server).credentials, nil},
		{"POST", tables + "/{table}/metrics", (*Server).reportMetrics, nil},
		{"POST", "/v1/tables/rename", rename(lake.KindTable), againNothing},
		{"POST", "/v1/transactions/commit", (*Server).commitTransaction, againNothing},
		{"GET", views, inPages(lake.KindView), nil},
		{"POST", views, (*Server).createView, againNewView},
		{"POST", namespace + "/register-view", (*Server).registerView, againNewView},
		{"GET", views + "/{view}", (*Server).loadView, nil},
		{"HEAD", views + "/{view}", exists(lake.KindView), nil},
		{"POST", views + "/{view}", (*Server).replaceView, (*Server).loadView},
		{"DELETE", views + "/{view}", (*Server).dropView, againNothing},
		{"POST", "/v1/views/rename", rename(lake.KindView), againNothing},
	}
}

// Route mounts the server on an HTTP surface at a path, such as /iceberg.
func (s *Server) Route(mounted string) health.Route {
	return health.Route{Handler: s.Handler(mounted), MaxBody: maxBody, Patience: time.Minute}
}

// Handler answers below the path at which it is mounted, such as /iceberg.
func (s *Server) Handler(mounted string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/config", s.answering(known((*Server).config, false)))
	mux.Handle("POST /v1/oauth/tokens", s.answering((*Server).exchangeToken)) // it is how a client comes by a token
	for _, e := range endpoints() {
		serve := e.serve
		if e.again != nil {
			serve = onlyOnce(serve, e.again)
		}
		mux.Handle(e.method+" "+e.path, s.metrics.timed(e.method+" "+e.path, s.answering(known(serve, e.again != nil))))
	}
	mux.Handle("/", s.answering(known((*Server).nothing, false)))
	return http.StripPrefix(mounted, mux)
}

// nothing answers calls that there are not.
func (*Server) nothing(_ http.ResponseWriter, r *http.Request) error {
	return &refusal{http.StatusNotFound, "NotFoundException", "this catalog has no " + r.Method + " " + r.URL.Path + ": GET v1/config lists what it has"}
}
