package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"cloudsql/storage/metric"
)

var rewriteMetrics = flag.Bool("rewrite-metrics", false, "write docs/metrics.md anew")

const metricsPage = "../../docs/metrics.md"

// TestMetricsPage: docs/metrics.md tells of the series that fields declare, and of no others. After a change:
//
//	go test ./cmd/cloudsql -run TestMetricsPage -rewrite-metrics
func TestMetricsPage(t *testing.T) {
	families, err := metric.Families(sources)
	if err != nil {
		t.Fatal(err)
	}
	want := pageOf(families)
	if *rewriteMetrics {
		if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil { // documentation
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(metricsPage); err != nil || string(have) != want {
		t.Errorf("%s is not what the fields say (%v): run the test with -rewrite-metrics", metricsPage, err)
	}
}

func pageOf(families []metric.Family) string {
	var b strings.Builder
	b.WriteString("# Metrics\n\nAll series of `/metrics`, beside Go's own and the process's. This page is made from what the fields of the program say\n" +
		"(`storage/metric`); `docs/operations.md` says which ones to begin with. Histograms are of seconds, and of all shards of a node together.\n" +
		"The last column is the variable of `SHOW GLOBAL STATUS` with the same value, of all series together.\n\n" +
		"| series | kind | tells | status variable |\n| --- | --- | --- | --- |\n")
	for i := range families {
		f := &families[i]
		name := metricPrefix + f.Name
		if f.Label != "" {
			name += "{" + f.Label + "}"
		}
		status := ""
		if f.Status != "" {
			status = "`" + f.Status + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, f.Kind, f.Help, status)
	}
	return b.String()
}

// TestOperationsNamesSeries: the series that docs/operations.md names exist.
func TestOperationsNamesSeries(t *testing.T) {
	families, err := metric.Families(sources)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for i := range families {
		known[families[i].Name] = true
	}
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| series | tells |")
	table, _, _ = strings.Cut(table, "\n\n")
	names := regexp.MustCompile("`([a-z_]+)(\\{[a-z]+\\})?`").FindAllStringSubmatch(table, -1)
	if len(names) < 20 {
		t.Fatalf("%d series in the table", len(names))
	}
	for _, m := range names {
		if !known[m[1]] && m[1] != "clock" {
			t.Errorf("there is no series %s", m[1])
		}
	}
}
