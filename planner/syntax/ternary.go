package syntax

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
)

// PACK_KEYS and STATS_PERSISTENT of tables: 0, 1 or DEFAULT. The parser forgets which.

// noteTernary notes the values of these options, as the parser does of others. 1064 for other numbers.
func noteTernary(n ast.StmtNode, text string, o Options) error {
	options := ternaryOptions(n)
	if len(options) == 0 {
		return nil
	}
	s := newScanner(text, o.Mode)
	list := s.lexemes()
	for i, l := range list {
		if l.word != "pack_keys" && l.word != "stats_persistent" {
			continue
		}
		if i++; i < len(list) && list[i].word == "=" {
			i++
		}
		if l.depth > 0 || i >= len(list) || len(options) == 0 {
			continue
		}
		switch v := list[i]; v.word {
		case "0":
		case "1":
			options[0].UintValue = 1
		case "default":
			options[0].Default = true
		default:
			return mysqlerr.SyntaxAt(text, v.from)
		}
		options = options[1:]
	}
	return nil
}

func ternaryOptions(n ast.StmtNode) (list []*ast.TableOption) {
	var options []*ast.TableOption
	switch n := n.(type) {
	case *ast.CreateTableStmt:
		options = n.Options
	case *ast.AlterTableStmt:
		for _, s := range n.Specs {
			options = append(options, s.Options...)
		}
	}
	for _, o := range options {
		if o.Tp == ast.TableOptionPackKeys || o.Tp == ast.TableOptionStatsPersistent {
			list = append(list, o)
		}
	}
	return list
}
