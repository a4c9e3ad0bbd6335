package planner

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"cloudsql/storage/version"
)

// TestRandomPartitions compares partitioned tables, some of whose partitions are cut into tablets, with tables that are the same but for that: the same
// changes and queries must give the same rows and fail alike, whatever the partitions are.
func TestRandomPartitions(t *testing.T) {
	for seed := range int64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &generator{rng: rand.New(rand.NewSource(seed)), laterals: true}
			parted, plain := newTestDB(t), newTestDB(t)
			parted.raise(version.V2)
			for _, s := range g.schema() {
				s, _, _ = strings.Cut(s, " comment")
				plain.mustExec(s)
				if strings.HasPrefix(s, "create table") {
					if seed%2 == 1 && !strings.Contains(s, "unique") {
						s += g.cuts()
					}
					s += g.partitions()
				}
				parted.mustExec(s)
			}
			for range 60 {
				g.compareQuery(t, parted, plain)
				g.compareQuery(t, parted, plain)
				if !g.compareChange(t, parted, plain) {
					return
				}
			}
		})
	}
}

// TestRandomSplits compares tables that are cut into tablets with tables of one in the same way.
func TestRandomSplits(t *testing.T) {
	for seed := range int64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &generator{rng: rand.New(rand.NewSource(seed)), laterals: true}
			split, plain := newTestDB(t), newTestDB(t)
			split.raise(version.V2)
			for _, s := range g.schema() {
				s, _, _ = strings.Cut(s, " comment")
				plain.mustExec(s)
				if strings.HasPrefix(s, "create table") && !strings.Contains(s, "unique") {
					s += g.cuts()
				}
				split.mustExec(s)
			}
			for range 60 {
				g.compareQuery(t, split, plain)
				g.compareQuery(t, split, plain)
				if !g.compareChange(t, split, plain) {
					return
				}
			}
		})
	}
}

// cuts has the table cut at some values of its key.
func (g *generator) cuts() string {
	text, at := " comment 'split", 0
	for range 1 + g.rng.Intn(4) {
		at += 1 + g.rng.Intn(15)
		text += fmt.Sprint(" ", at)
	}
	return text + "'"
}

// partitions is a PARTITION BY over the column that all unique keys have. No range or list leaves out a value.
func (g *generator) partitions() string {
	linear := g.pick("", "linear ")
	return g.pick(
		fmt.Sprintf(" partition by %shash (id) partitions %d", linear, 1+g.rng.Intn(6)),
		fmt.Sprintf(" partition by %skey (id) partitions %d", linear, 1+g.rng.Intn(6)),
		" partition by range (id) (partition p0 values less than (7), partition p1 values less than (25), partition p2 values less than maxvalue)",
		" partition by range (id * 2 - 5) (partition p0 values less than (0), partition p1 values less than (30), partition p2 values less than maxvalue)",
		" partition by range columns (id) (partition p0 values less than (11), partition p1 values less than (12), partition p2 values less than (maxvalue))",
		" partition by list (id mod 3) (partition p0 values in (0), partition p1 values in (1, -1), partition p2 values in (2, -2, null))",
	)
}

// compareChange tells whether the change was made: one that fails may have been made in part here, where nothing is taken back.
func (g *generator) compareChange(t *testing.T, parted, plain *testDB) bool {
	sql := g.change()
	want, wantErr := plain.exec(sql)
	got, err := parted.exec(sql)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%s\npartitioned: %v\nplain: %v", sql, err, wantErr)
	}
	if err != nil {
		return false
	}
	if got.Affected != want.Affected || got.Info != want.Info {
		t.Fatalf("%s\npartitioned: %d rows, %s\nplain: %d rows, %s", sql, got.Affected, got.Info, want.Affected, want.Info)
	}
	for _, table := range []string{"p", "q", "r"} {
		if a, b := parted.rowsOf(t, table), plain.rowsOf(t, table); a != b {
			t.Fatalf("%s\n%s, partitioned:\n%splain:\n%s", sql, table, a, b)
		}
	}
	return true
}

func (g *generator) compareQuery(t *testing.T, parted, plain *testDB) {
	sql, ordered := g.query()
	_, want, wantErr := plain.query(sql)
	_, got, err := parted.query(sql)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%s\npartitioned: %v\nplain: %v", sql, err, wantErr)
	}
	if !ordered {
		sortRows(got)
		sortRows(want)
	}
	if showRows(got) != showRows(want) {
		t.Fatalf("%s\npartitioned:\n%splain:\n%splan:\n%s", sql, showRows(got), showRows(want), parted.showPlan(sql))
	}
}
