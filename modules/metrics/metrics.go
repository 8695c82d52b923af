// Package metrics counts what the app does and shows it at /metrics, in Prometheus's format.
package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// prefix begins the names of all but the two HTTP metrics.
const prefix = "skillbridge_"

// Deps is what the module needs.
type Deps struct {
	DB  *pg.DB
	Log *slog.Logger // for a collector that fails
}

// Module keeps a registry of its own: there is no global one.
type Module struct {
	*Product
	log      *slog.Logger
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	mu     sync.Mutex                           // of those who add to seen
	series atomic.Pointer[map[series]*observer] // never changed after it is stored
}

// series names one combination of labels; observer counts it.
type series struct {
	method, route string
	status        int
}

type observer struct {
	count prometheus.Counter
	took  prometheus.Observer
}

// New makes the registry with the metrics of the process, Go, the pool, HTTP and the product.
func New(d Deps) *Module {
	labels := []string{"method", "route", "status"}
	m := &Module{
		log:      d.Log,
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by method, route and the status really sent.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time from the first byte of a request to the last of its answer.",
			Buckets: []float64{0.05, 0.1, 0.2, 0.5, 1, 2, 5},
		}, labels),
	}
	m.series.Store(&map[series]*observer{})
	m.registry.MustRegister(
		m.requests, m.duration, newPoolCollector(d.DB),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsScheduler)),
	)
	m.Product = newProduct(m.registry)
	return m
}

// Name is the module's name.
func (m *Module) Name() string { return "metrics" }

// Mount shows the metrics to anyone: they hold no names, no addresses and no ids.
func (m *Module) Mount(h *rest.Host) {
	rest.Serve(h, rest.Op{
		Method: http.MethodGet, Path: "/metrics", ID: "get-metrics", Summary: "Metrics in Prometheus's text format",
		Tag: "Operations", Access: rest.Public, Always: true,
	}, rest.Plain(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, DisableCompression: true,
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelError),
	})))
}

// Request counts one finished request. The route must be the router's pattern, so that the series are as many as the routes.
func (m *Module) Request(method, route string, status int, took time.Duration) {
	o := m.observer(series{usual(method), route, status})
	o.count.Inc()
	o.took.Observe(took.Seconds())
}

func (m *Module) observer(s series) *observer {
	if o, ok := (*m.series.Load())[s]; ok {
		return o
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known := *m.series.Load()
	if o, ok := known[s]; ok {
		return o
	}
	labels := []string{s.method, s.route, strconv.Itoa(s.status)}
	o := &observer{count: m.requests.WithLabelValues(labels...), took: m.duration.WithLabelValues(labels...)}
	more := make(map[series]*observer, len(known)+1)
	for k, v := range known {
		more[k] = v
	}
	more[s] = o
	m.series.Store(&more)
	return o
}

// usual keeps strangers from making series by inventing methods.
func usual(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "OTHER"
}
