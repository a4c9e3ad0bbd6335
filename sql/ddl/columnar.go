package ddl

import "cloudsql/storage/schema"

// PlanColumnar has the replicas of a table keep a copy of its rows in columns, or none.
func PlanColumnar(t *schema.Table, on bool) *Change {
	c := &Change{From: t}
	if t.Columnar() == on {
		return c
	}
	c.Table = t.Clone()
	value := ""
	if on {
		value = "1"
	}
	b := builder{t: c.Table}
	b.setOption(schema.ColumnarReplica, value)
	return c
}
