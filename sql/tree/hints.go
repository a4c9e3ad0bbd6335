package tree

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/hint"
	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// NamedByHint is a name in a hint that has to be looked for.
type NamedByHint struct {
	DB, Table, Index string // the index of a table; no Table: nothing of that name is there, whatever the catalog has
	Unresolved       *mysqlerr.Error
}

// HintsOf is what is to be said of a statement's hints, whatever the catalog has, and the names in them that have to be looked for.
func HintsOf(n ast.StmtNode, text string, mode mysql.SQLMode) ([]*mysqlerr.Error, []NamedByHint) {
	hints := hint.Read(text, mode)
	return hints.Warnings(), namedByHints(n, hints.Names())
}

// namedByHints are the tables that a statement's hints name and their query blocks have not, and the indexes that they name. (What an INSERT
// has hints about is not looked for.)
func namedByHints(n ast.StmtNode, names []hint.Name) (list []NamedByHint) {
	if names == nil {
		return nil
	}
	blocks := syntax.QueryBlocks(n)
	for i := range names {
		name := &names[i]
		what := "`" + name.Table + "`@`" + name.Block + "`"
		if name.Index != "" {
			what += " `" + name.Index + "`"
		}
		x := NamedByHint{Unresolved: mysqlerr.New(mysqlerr.UnresolvedHintName, what, name.Hint)}
		if name.At > 0 && name.At <= len(blocks) {
			t, ok := tablesIn(&blocks[name.At-1])[name.Table]
			switch {
			case ok && name.Index == "":
				continue
			case t != nil:
				x.DB, x.Table, x.Index = t.Schema.O, t.Name.O, name.Index
			}
		}
		list = append(list, x)
	}
	return list
}

// tablesIn are the tables of a query block by alias, nil for those that are no table of the catalog.
func tablesIn(b *syntax.QueryBlock) map[string]*ast.TableName {
	tables := map[string]*ast.TableName{}
	if b.From != nil {
		sourcesOf(b.From, tables)
	}
	return tables
}

func sourcesOf(n ast.ResultSetNode, tables map[string]*ast.TableName) {
	switch n := n.(type) {
	case *ast.Join:
		sourcesOf(n.Left, tables)
		if n.Right != nil {
			sourcesOf(n.Right, tables)
		}
	case *ast.TableSource:
		alias := n.AsName.O
		switch src := n.Source.(type) {
		case *ast.Join:
			sourcesOf(src, tables)
			return
		case *ast.TableName:
			if alias == "" {
				alias = src.Name.O
			}
			tables[alias] = src
		default:
			tables[alias] = nil
		}
	}
}
