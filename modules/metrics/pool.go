package metrics

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"credlane/app/kit/pg"
)

// poolCollector reads the pool's own figures when somebody looks.
type poolCollector struct {
	db      *pg.DB
	figures []poolFigure
}

type poolFigure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*pgxpool.Stat) float64
}

func newPoolCollector(db *pg.DB) *poolCollector {
	figure := func(name, help string, kind prometheus.ValueType, read func(*pgxpool.Stat) float64) poolFigure {
		return poolFigure{prometheus.NewDesc(prefix+"db_pool_"+name, help, nil, nil), kind, read}
	}
	return &poolCollector{db: db, figures: []poolFigure{
		figure("max_connections", "Connections that the pool may hold.", prometheus.GaugeValue,
			func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) }),
		figure("connections", "Connections that the pool holds.", prometheus.GaugeValue,
			func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) }),
		figure("connections_in_use", "Connections that work.", prometheus.GaugeValue,
			func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) }),
		figure("acquires_total", "Connections taken.", prometheus.CounterValue,
			func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) }),
		figure("waits_total", "Connections that had to be waited for.", prometheus.CounterValue,
			func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) }),
		figure("wait_seconds_total", "Time spent waiting for a connection.", prometheus.CounterValue,
			func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() }),
		figure("canceled_waits_total", "Waits given up because the request ended.", prometheus.CounterValue,
			func(s *pgxpool.Stat) float64 { return float64(s.CanceledAcquireCount()) }),
	}}
}

// Describe lists the figures.
func (c *poolCollector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.figures {
		out <- f.desc
	}
}

// Collect reads the figures.
func (c *poolCollector) Collect(out chan<- prometheus.Metric) {
	s := c.db.Stat()
	for _, f := range c.figures {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.read(s))
	}
}
