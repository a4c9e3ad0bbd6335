package bind

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// UniqueTables is 1066 for two tables of the same name and database.
func UniqueTables(a, b []Column) error {
	names := map[[2]string]bool{}
	for i := range a {
		names[[2]string{a[i].Field.Schema, a[i].Field.Table}] = true
	}
	for i := range b {
		if k := [2]string{b[i].Field.Schema, b[i].Field.Table}; names[k] {
			return mysqlerr.New(mysqlerr.NonuniqTable, b[i].Field.Table)
		}
	}
	return nil
}

// Nullable lets columns be NULL: those of an outer join's other side.
func Nullable(cols []Column) {
	for i := range cols {
		cols[i].Field.Flags &^= uint16(mysql.NotNullFlag)
	}
}

// UsingNames are the columns that USING or NATURAL joins on, in the order of the first side that the join keeps whole.
func UsingNames(n *ast.Join, lcols, rcols []Column) []string {
	var names []string
	first, second := lcols, rcols
	if n.Tp == ast.RightJoin {
		first, second = rcols, lcols
	}
	if !n.NaturalJoin {
		for _, c := range n.Using {
			names = append(names, c.Name.O)
		}
		place := func(name string) int {
			return slices.IndexFunc(first, func(c Column) bool { return !c.Shadowed && strings.EqualFold(c.Field.Name, name) })
		}
		slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
		return names
	}
	for i := range first {
		if first[i].Shadowed || first[i].Hidden || first[i].Invisible {
			continue
		}
		for k := range second {
			if !second[k].Shadowed && !second[k].Hidden && !second[k].Invisible && strings.EqualFold(first[i].Field.Name, second[k].Field.Name) {
				names = append(names, first[i].Field.Name)
				break
			}
		}
	}
	return names
}

// FindMerged finds a column of USING in one side of a join.
func FindMerged(cols []Column, name string) (*Column, error) {
	sc := Scope{Cols: cols}
	c, err := sc.FindNamed(name, "from clause")
	if err == nil && c == nil {
		err = mysqlerr.New(mysqlerr.BadField, name, "from clause")
	}
	return c, err
}
