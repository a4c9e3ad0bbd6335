package metric_test

import (
	"fmt"
	"sync/atomic"
	"time"

	"cloudsql/storage/metric"
)

// What is counted is a field, and its tag says what it is; /metrics, SHOW STATUS and the page of metrics are read from that.
func Example() {
	type stats struct {
		Reads atomic.Uint64    `counter:"reads_total" help:"reads" status:"Reads"`
		Times metric.Histogram `histogram:"read_seconds" help:"how long reads take"`
	}
	sources := []metric.Source[*stats]{metric.One(func(s *stats) *stats { return s })}

	var s stats
	for range 3 {
		s.Reads.Add(1)
		s.Times.Observe(2 * time.Millisecond)
	}
	for i := range sources {
		sources[i].Collect(&s, func(f *metric.Family, list []metric.Sample) {
			for _, v := range list {
				if v.Times != nil {
					fmt.Println(f.Kind, f.Name, v.Times.Count(), v.Times.Sum())
					continue
				}
				fmt.Println(f.Kind, f.Name, v.Value)
			}
		})
	}
	metric.Status(sources, &s, func(name string, v float64) { fmt.Println("SHOW STATUS:", name, v) })
	// Output:
	// counter reads_total 3
	// histogram read_seconds 3 6ms
	// SHOW STATUS: Reads 3
}
