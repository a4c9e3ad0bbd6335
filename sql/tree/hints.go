package tree

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// NamedByHint is a name in a hint that has to be looked for.
type NamedByHint struct {
	DB, Table, Index string // the index of a table; no Table: nothing of that name is there, whatever the catalog has
	Unresolved       *mysqlerr.Error
}

// NamedByHints are the tables that a statement's hints name and their query blocks have not, and the indexes that they name. (What INSERT,
// UPDATE and DELETE have hints about is not looked for.)
func NamedByHints(n ast.StmtNode, text string, mode mysql.SQLMode) (list []NamedByHint) {
	names := syntax.HintNames(text, mode)
	if names == nil {
		return nil
	}
	var blocks hintBlocks
	n.Accept(&blocks)
	for i := range names {
		name := &names[i]
		what := "`" + name.Table + "`@`" + name.Block + "`"
		if name.Index != "" {
			what += " `" + name.Index + "`"
		}
		x := NamedByHint{Unresolved: mysqlerr.New(mysqlerr.UnresolvedHintName, what, name.Hint)}
		if name.At > 0 && name.At <= len(blocks) {
			t, ok := blocks[name.At-1][name.Table]
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

// hintBlocks are a statement's SELECTs in the order of its text: their tables by alias, nil for those that are no table of the catalog.
type hintBlocks []map[string]*ast.TableName

// Enter implements ast.Visitor.
func (b *hintBlocks) Enter(n ast.Node) (ast.Node, bool) {
	sel, ok := n.(*ast.SelectStmt)
	if !ok || sel.Kind != ast.SelectStmtKindSelect {
		return n, false
	}
	if t, err := syntax.JSONTableOf(sel, syntax.Options{}); t != nil || err != nil {
		return n, false
	}
	tables := map[string]*ast.TableName{}
	if sel.From != nil {
		sourcesOf(sel.From.TableRefs, tables)
	}
	*b = append(*b, tables)
	return n, false
}

// Leave implements ast.Visitor.
func (b *hintBlocks) Leave(n ast.Node) (ast.Node, bool) { return n, true }

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
