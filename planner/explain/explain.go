package explain

import (
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Line is one operator for EXPLAIN.
type Line struct {
	Depth    int
	Operator string // "TableScan", "IndexLookup", "PointGet", "HashJoin", …
	EstRows  float64
	Where    string // "gateway", "shard 3 @ node 1 (fragment)"
	Object   string // table, index
	Info     string // conditions, columns
	Cost     float64
	Table    *Table // of operators that read one
	Node     any    // by which exec.Analysis knows the operator; nil: it is counted nowhere

	Correlated bool // of a Subquery: it is computed for rows of the query around
}

// Table is how an operator reads a table, in MySQL's words.
type Table struct {
	Name     string
	Type     string   // "const", "eq_ref", "ref", "range", "index" or "ALL"
	Possible []string // indexes that could serve
	Key      string   // the one that does; "" for none
	KeyLen   int      // bytes of its columns that are bounded
	Parts    []string // those columns
	Ref      []string // what they are compared with, of const, ref and eq_ref
	Rows     float64  // that are read, each time
	Filtered float64  // share of them that is kept
	Covering bool
	Columnar bool   // shards may read their columnar copies
	Filter   string // the condition on the rows; "" for none
	Columns  []string
	// Leaves gives the places of the partitions that are read, by the parameters and the time of env; nil: the table has none.
	Leaves func(env *expr.Env) []int
	Desc   *schema.Table // of what has partitions
}

// Partitions are the names of the partitions that are read, nil for a table without any.
func (e *Table) Partitions(env *expr.Env) (names []string) {
	if e.Leaves == nil {
		return nil
	}
	for _, i := range e.Leaves(env) {
		names = append(names, e.Desc.Partitioning.LeafName(i))
	}
	return names
}

// Gateway is where operators run that are no scans.
const Gateway = "gateway"

// ShardName is a tablet's shard as EXPLAIN shows it.
func ShardName(t *schema.Tablet) string {
	if t.Shard == schema.TemporaryShard {
		return "session"
	}
	return fmt.Sprintf("shard %d", t.Shard)
}

// Keys is how rows are read by n whole keys of an index.
func Keys(desc *schema.Table, ix *schema.Index, n int) *Table {
	e := &Table{Name: desc.Name, Type: "const", Possible: []string{ix.Name}, Key: ix.Name, Rows: float64(n), Filtered: 1}
	for i := range ix.Columns {
		e.Bound(desc, ix, i)
		e.Ref = append(e.Ref, "const")
	}
	if n > 1 {
		e.Type, e.Ref = "range", nil
	}
	return e
}

// Bound notes that the i-th column of an index is.
func (e *Table) Bound(desc *schema.Table, ix *schema.Index, i int) {
	part := &ix.Columns[i]
	c := &desc.Columns[part.Column]
	e.Parts = append(e.Parts, c.Shown())
	e.KeyLen += keyLength(&c.Type, part.Prefix)
	if !c.NotNull {
		e.KeyLen++
	}
}

// keyLength is how many bytes a column takes in MySQL's keys.
func keyLength(t *types.Type, prefix int) int {
	switch t.ID {
	case mysql.TypeTiny, mysql.TypeYear:
		return 1
	case mysql.TypeShort:
		return 2
	case mysql.TypeInt24, mysql.TypeDate, mysql.TypeNewDate:
		return 3
	case mysql.TypeLong, mysql.TypeFloat:
		return 4
	case mysql.TypeDatetime:
		return 5 + (max(t.Decimals, 0)+1)/2
	case mysql.TypeTimestamp:
		return 4 + (max(t.Decimals, 0)+1)/2
	case mysql.TypeDuration:
		return 3 + (max(t.Decimals, 0)+1)/2
	case mysql.TypeNewDecimal:
		precision, scale := t.DecimalShape()
		digits := func(n int) int { return n/9*4 + (n%9+1)/2 }
		return digits(precision-scale) + digits(scale)
	case mysql.TypeEnum:
		return 1 + len(t.Elems)/256
	case mysql.TypeBit:
		return (max(t.Length, 1) + 7) / 8
	}
	if t.Class() != types.ClassString {
		return 8
	}
	n := t.Length
	if prefix > 0 {
		n = prefix
	}
	if n *= t.Collation.MaxBytes(); t.ID == mysql.TypeString {
		return n
	}
	return n + 2
}
