package planner

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"cloudsql/distributed"
	"cloudsql/planner/exec"
	"cloudsql/storage/fragment"
	"cloudsql/storage/types"
)

// localDB reads without the fragment codec, as a gateway on the leaseholder's node does.
type localDB struct{ *testDB }

func (d localDB) Read(_ context.Context, r *fragment.Read) (distributed.Rows, error) {
	return &testRows{d: d.testDB, r: r}, nil
}

// BenchmarkQuery measures planned statements of sysbench's shapes, without the wire.
func BenchmarkQuery(b *testing.B) {
	d := newTestDB(b)
	d.mustExec("create table sbtest (id int not null primary key, k int not null, c varchar(120) not null, pad varchar(60) not null, key k (k))")
	for i := 0; i < 10000; i += 500 {
		var rows []string
		for id := i + 1; id <= i+500; id++ {
			rows = append(rows, fmt.Sprintf("(%d, %d, '%0110d', '%055d')", id, id*7%5000, id*31%10007, id))
		}
		d.mustExec("insert into sbtest values " + strings.Join(rows, ","))
	}
	d.pageMax = 1 << 20
	for _, q := range []struct{ name, sql string }{
		{"simple_range", "select c from sbtest where id between ? and ?"},
		{"sum_range", "select sum(k) from sbtest where id between ? and ?"},
		{"order_range", "select c from sbtest where id between ? and ? order by c"},
		{"distinct_range", "select distinct c from sbtest where id between ? and ? order by c"},
		{"covering_count", "select count(*) from sbtest where k between ? and ?"},
		{"limit_by_index", "select id, c from sbtest where k > ? order by k limit 10"},
		{"join", "select a.c from sbtest a join sbtest b on a.id = b.k where b.id between ? and ?"},
	} {
		b.Run(q.name, func(b *testing.B) {
			params := []types.Value{types.Int(100), types.Int(199)}[:strings.Count(q.sql, "?")]
			p, env, err := d.plan(q.sql, params...)
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			var batch types.Batch
			b.ReportAllocs()
			for i := range b.N {
				env.Params[0] = types.Int(int64(i%9000 + 1))
				if len(params) > 1 {
					env.Params[1] = types.Int(int64(i%9000 + 100))
				}
				op, err := p.(Rows).Open(ctx, &exec.Runtime{DB: localDB{d}, Env: env})
				if err != nil {
					b.Fatal(err)
				}
				for {
					ok, err := op.Next(ctx, &batch)
					if err != nil {
						b.Fatal(err)
					}
					if !ok {
						break
					}
				}
				op.Close()
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	d := newTestDB(b)
	d.mustExec("create table t (id int not null primary key, k int not null, c varchar(120) not null, key k (k))",
		"create table u (id int not null primary key, tid int, key (tid))")
	for _, sql := range []string{
		"select c from t where id between 1 and 100 order by c",
		"select t.c, count(*) from t join u on u.tid = t.id where t.k = 5 group by t.c order by 2 desc limit 10",
	} {
		b.Run(sql[:20], func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, _, err := d.plan(sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
