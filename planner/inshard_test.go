package planner

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"cloudsql/planner/algebra"
	"cloudsql/storage/version"
)

// TestRandomShardJoins: groups of what is joined in the shards, by an index or with rows that are sent along, are those of what the gateway
// joins, of whatever kinds the joins are, over tables of one tablet, of several, and of partitions; and each way is gone.
func TestRandomShardJoins(t *testing.T) {
	ways := map[string]int{}
	for seed := range int64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &generator{rng: rand.New(rand.NewSource(seed))}
			d := newTestDB(t)
			d.raise(version.Max)
			parts := g.partitions()
			for _, s := range g.schema() {
				s, _, _ = strings.Cut(s, " comment")
				if strings.HasPrefix(s, "create table") && seed%3 > 0 && (seed%3 == 1 || strings.Contains(s, "table r")) {
					if seed%2 == 0 && strings.Contains(s, "table p ") {
						s += " comment 'split 8 20'"
					}
					s += parts
				}
				d.mustExec(s)
			}
			d.pageMax = 200
			for range 150 {
				sql := g.groupedJoin()
				d.naive = true
				_, want, wantErr := d.query(sql)
				d.naive = false
				for _, d.joining = range []algebra.Joining{algebra.ShardJoins, algebra.CheapestJoins, algebra.GatewayJoins} {
					_, got, err := d.query(sql)
					sortRows(got)
					sortRows(want)
					if (err != nil) != (wantErr != nil) || showRows(got) != showRows(want) {
						t.Fatalf("%s\n%v\n%splain: %v\n%splan:\n%s", sql, err, showRows(got), wantErr, showRows(want), d.showPlan(sql))
					}
				}
				d.joining = algebra.ShardJoins
				for _, line := range strings.Split(d.showPlan(sql), "\n") {
					for _, way := range []string{"ShardJoin", "BroadcastJoin"} {
						for _, kind := range []string{"inner", "left", "semi", "anti"} {
							if strings.Contains(line, way) && strings.Contains(line, kind) {
								ways[way+" "+kind]++
							}
						}
					}
				}
			}
		})
	}
	t.Log(ways)
	if len(ways) < 8 {
		t.Errorf("not all ways were gone: %v", ways)
	}
}

// groupedJoin makes a query that groups the rows of a join.
func (g *generator) groupedJoin() string {
	from := g.from()
	var conds []string
	for range g.rng.Intn(3) {
		conds = append(conds, g.condition(1))
	}
	if g.chance(0.5) {
		x, y := g.alias(), g.pick("p", "q", "r")
		conds = append(conds, fmt.Sprintf("%sexists (select 1 from %s i where i.%s = %s.%s%s)", g.pick("", "not "), y, g.pick("id", "a", "b", "s"), x, g.pick("id", "a", "b"),
			g.pick("", " and i.b < 3", fmt.Sprintf(" and i.a <> %s.b", x))))
	}
	where := ""
	if len(conds) > 0 {
		where = " where " + strings.Join(conds, " and ")
	}
	var list, keys []string
	for range 1 + g.rng.Intn(3) {
		list = append(list, fmt.Sprintf(g.pick("max(%s)", "min(%s)", "sum(%s)", "count(%s)", "avg(%s)", "count(distinct %s)"), g.alias()+"."+g.pick("id", "a", "b", "n")))
	}
	for range g.rng.Intn(3) {
		c := g.column()
		list, keys = append(list, c), append(keys, c)
	}
	sql := fmt.Sprintf("select %scount(*), %s from %s%s", g.pick("", "/*+ NO_BNL() */ "), strings.Join(list, ", "), from, where)
	if len(keys) > 0 {
		sql += " group by " + strings.Join(keys, ", ")
	}
	return sql
}
