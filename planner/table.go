package planner

import (
	"cloudsql/planner/access"
	"cloudsql/planner/bind"
)

// tableRel is a base table in a FROM clause.
type tableRel struct {
	access.Table
	b     *builder
	db    string
	alias string
	keyID int // number of the primary key's column, 0: not wanted
	lock  lockSpec
}

// access is the table for choosing a path, once all that reads its columns is bound.
func (r *tableRel) access() *access.Table {
	r.Used = r.usedColumns()
	return &r.Table
}

// usedColumns are the positions of the columns that the statement reads; one at least, so that rows can be counted.
func (r *tableRel) usedColumns() []int {
	var used []int
	for pos := range r.Desc.Columns {
		if r.b.used[r.First+pos] {
			used = append(used, pos)
		}
	}
	if len(used) == 0 {
		used = append(used, r.Desc.Primary().Columns[0].Column)
	}
	return used
}

func (r *tableRel) columns() []bind.Column { return bind.TableColumns(r.Desc, r.db, r.alias, r.First) }
