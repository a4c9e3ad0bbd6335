package planner

import (
	"context"
	"strconv"
	"strings"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
)

// testSource gives the rows of a test's tables.
type testSource struct{ d *testDB }

func (s testSource) Read(ctx context.Context, r *fragment.Read) (statistics.Rows, error) {
	return s.d.Read(ctx, r)
}

func (s testSource) Rows(t *schema.Table) (rows uint64) {
	for i := range t.Tablets {
		n, _ := s.d.s.TabletStats(t.Tablets[i].ID)
		rows += n
	}
	return rows
}

// analyze looks at the rows of tables.
func (d *testDB) analyze(names []string) string {
	for _, name := range names {
		t, ok := d.cat.Table("test", name)
		if !ok {
			return "no table " + name
		}
		known, err := statistics.Collect(context.Background(), testSource{d}, t, statistics.Options{Now: time.Unix(0, 0), Before: d.cat.Statistics(t.ID)})
		if err != nil {
			return showError(err)
		}
		d.change(func(tx *catalog.Tx) { tx.PutStatistics(t.ID, known) })
	}
	return "ok\n"
}

// pretend makes statistics up.
func (d *testDB) pretend(lines []string) string {
	for _, line := range lines {
		f := strings.Fields(line)
		t, ok := d.cat.Table("test", f[0])
		if !ok {
			return "no table " + f[0]
		}
		known := &statistics.Table{Serial: 1}
		known.Rows, _ = strconv.ParseUint(f[1], 10, 64)
		distinct := map[string]float64{}
		for _, c := range f[2:] {
			name, n, _ := strings.Cut(c, "=")
			distinct[name], _ = strconv.ParseFloat(n, 64)
		}
		for i := range t.Columns {
			known.Columns = append(known.Columns, statistics.Column{ID: t.Columns[i].ID, Distinct: distinct[t.Columns[i].Name]})
		}
		d.change(func(tx *catalog.Tx) { tx.PutStatistics(t.ID, known) })
	}
	return "ok\n"
}
