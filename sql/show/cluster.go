package show

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show/monitor"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// showShards lists the shards, each with the tablets that the catalog has in it. Only for accounts that may see all sessions.
func showShards(_ context.Context, c virtual.Context, _ *ast.ShowStmt) (*Result, error) {
	r := newResult(`Shard bigint unsigned !
Leaseholder bigint unsigned
Voters varchar(255) !
Non_voters varchar(255) !
Tablets bigint unsigned !
Rows bigint unsigned !
Data_length bigint unsigned !
Reads_per_second bigint unsigned !
Writes_per_second bigint unsigned !`)
	if c.Access(uint64(mysql.ProcessPriv), "", "") != nil {
		return r, nil
	}
	type content struct{ tablets, rows, bytes uint64 }
	contents := map[schema.ShardID]content{}
	for _, d := range c.Catalog().Databases() {
		for _, t := range c.Catalog().Tables(d.Name) {
			for i := range t.Tablets {
				tb := monitor.TabletOf(c, t, i)
				in := contents[tb.Shard]
				contents[tb.Shard] = content{in.tablets + 1, in.rows + tb.Rows, in.bytes + tb.Bytes}
			}
		}
	}
	for _, s := range c.Catalog().Shards() {
		in, busy := contents[s.ID], c.DB().ShardLoad(s.ID)
		r.add(virtual.Num(uint64(s.ID)), monitor.Holder(c, s.ID), nodes(s.Replicas), nodes(s.NonVoting),
			virtual.Num(in.tablets), virtual.Num(in.rows), virtual.Num(in.bytes),
			monitor.Rate(busy.Reads), monitor.Rate(busy.Writes))
	}
	return r, nil
}

// nodes lists the nodes of some replicas.
func nodes(replicas map[schema.NodeID]uint64) types.Value {
	var list []string
	for _, n := range slices.Sorted(maps.Keys(replicas)) {
		list = append(list, strconv.FormatUint(uint64(n), 10))
	}
	return types.Str(strings.Join(list, ","))
}

// showTablets lists where a table's rows are. 1146 for a table that is not there, or not for this account.
func showTablets(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	o, err := tableOf(c, stmt)
	if err != nil {
		return nil, err
	}
	r := newResult(`Tablet bigint unsigned !
Partition varchar(64) bin
Start_key text bin
End_key text bin
Shard bigint unsigned !
Leaseholder bigint unsigned
Rows bigint unsigned !
Data_length bigint unsigned !
Moving_to bigint unsigned
Copied bigint unsigned
Reads_per_second bigint unsigned !
Writes_per_second bigint unsigned !`)
	for i := range o.Desc.Tablets {
		t := monitor.TabletOf(c, o.Desc, i)
		r.add(virtual.Num(uint64(t.ID)), t.Partition, keyText(o.Desc, t.Start), keyText(o.Desc, t.End), virtual.Num(uint64(t.Shard)), t.Holder, virtual.Num(t.Rows), virtual.Num(t.Bytes),
			t.Moving, t.Copied, monitor.Rate(t.Reads), monitor.Rate(t.Writes))
	}
	return r, nil
}

// keyText shows a bound of a tablet as ALTER TABLE … SPLIT TABLET takes it: the values of the first columns of the primary key, or the bytes that such
// a value is ordered by, where it can't be told from them. NULL: there is no bound.
func keyText(t *schema.Table, key []byte) types.Value {
	if key == nil {
		return types.Null
	}
	var values []string
	for _, c := range t.Primary().Columns {
		if len(key) == 0 {
			break
		}
		typ := &t.Columns[c.Column].Type
		part := schema.Index{Columns: []schema.IndexColumn{c}}
		v, rest, err := keys.DecodeColumns(nil, t, &part, key)
		if err != nil {
			return types.Str(fmt.Sprintf("x'%x'", key))
		}
		switch {
		case v[0].IsNull():
			values = append(values, fmt.Sprintf("x'%x'", key[:len(key)-len(rest)]))
		case typ.Class() == types.ClassInt || typ.Class() == types.ClassFloat:
			values = append(values, string(v[0].AppendText(nil, typ)))
		default:
			values = append(values, "'"+strings.ReplaceAll(string(v[0].AppendText(nil, typ)), "'", "''")+"'")
		}
		key = rest
	}
	return types.Str("(" + strings.Join(values, ", ") + ")")
}
