package dialect

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/schema"
)

// AlterView is ALTER VIEW, as the text of a CREATE OR REPLACE VIEW.
type AlterView struct{ Text string }

// AlterViewStmt is the tree of an AlterView.
type AlterViewStmt struct{ *ast.CreateViewStmt }

// readView reads what the parser lacks of CREATE VIEW and ALTER VIEW: the check option goes, CheckOptionOf tells of it. first is the
// statement's first word.
func readView(st statement, first string) (Statement, error) {
	text, all := st.rest, tokens(st.rest, st.mode, len(st.rest))
	if n, option := checkOption(all); option != schema.CheckNone {
		text = text[:all[n].at]
	}
	switch {
	case first == "alter":
		return AlterView{"CREATE OR REPLACE" + text}, nil
	case len(text) != len(st.rest):
		return Instead{first + text}, nil
	}
	return nil, nil
}

// namesView tells whether CREATE or ALTER, its first word taken away, is about a view.
func (w words) namesView() bool {
	w.take("or", "replace")
	if w.take("algorithm", "=") && len(w) > 0 {
		w = w[1:]
	}
	if w.take("definer", "=") {
		for len(w) > 0 && w[0].lower != "view" && w[0].lower != "sql" {
			w = w[1:]
		}
	}
	if w.take("sql", "security") && len(w) > 0 {
		w = w[1:]
	}
	return w.take("view")
}

// CheckOptionOf is the WITH … CHECK OPTION that a CREATE VIEW or ALTER VIEW ends in: the parser does not tell it from its absence.
func CheckOptionOf(text string, mode mysql.SQLMode) schema.ViewCheckOption {
	_, option := checkOption(tokens(text, mode, len(text)))
	return option
}

// checkOption finds the clause at the end of a statement, and where it begins.
func checkOption(all words) (from int, option schema.ViewCheckOption) {
	n := len(all)
	if n < 4 || all[n-1].lower != "option" || all[n-2].lower != "check" {
		return n, schema.CheckNone
	}
	switch {
	case all[n-3].lower == "with":
		return n - 3, schema.CheckCascaded
	case all[n-4].lower != "with":
	case all[n-3].lower == "cascaded":
		return n - 4, schema.CheckCascaded
	case all[n-3].lower == "local":
		return n - 4, schema.CheckLocal
	}
	return n, schema.CheckNone
}

// CreateViewOf is the CREATE VIEW that a statement is, or is read as.
func CreateViewOf(n ast.StmtNode) *ast.CreateViewStmt {
	if alter, ok := n.(*AlterViewStmt); ok {
		return alter.CreateViewStmt
	}
	v, _ := n.(*ast.CreateViewStmt)
	return v
}
