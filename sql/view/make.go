package view

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/logical"
	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// maxName is the length of a column's name, in characters.
const maxName = 64

// Request is a CREATE VIEW or ALTER VIEW, and whose it is.
type Request struct {
	Stmt  *ast.CreateViewStmt
	Check schema.ViewCheckOption
	DB    string // of the view
	// The definer, where the statement names none.
	User, Host string
	Charset    string // character_set_client
	Collation  string // collation_connection
	Now        time.Time
	Warn       func(err *mysqlerr.Error)
}

// Make makes the descriptor of a view, without an id. ctx is that of planning its query in the session that says CREATE VIEW.
func Make(ctx *logical.Context, r *Request) (*schema.View, error) {
	n := r.Stmt
	query, ok := n.Select.(ast.ResultSetNode)
	if !ok {
		return nil, mysqlerr.NotSupported("this kind of query in a view")
	}
	refuse := &refusals{}
	if query.Accept(refuse); refuse.err != nil {
		return nil, refuse.err
	}
	notes := logical.NewNotes()
	q, err := logical.Bind(ctx, query, logical.Options{Notes: notes})
	if err != nil {
		return nil, err
	}
	names, err := columnNames(n, query, q.Fields, notes)
	if err != nil {
		return nil, err
	}
	for _, u := range notes.Uses {
		if t, ok := ctx.Catalog.Table(u.DB, u.Table); ok && t.Temporary() {
			return nil, mysqlerr.New(mysqlerr.ViewSelectTmptable, u.Table)
		}
	}
	if recursive(ctx, notes.Uses, schema.ViewUse{DB: r.DB, Table: n.ViewName.Name.O}, map[schema.ViewUse]bool{}) {
		return nil, mysqlerr.New(mysqlerr.NoSuchTable, r.DB, n.ViewName.Name.O)
	}
	v := &schema.View{
		Name: n.ViewName.Name.O, Version: 1, Columns: names, Listed: len(n.Cols) > 0, Uses: notes.Uses, Invoker: n.Security == ast.SecurityInvoker,
		Algorithm:   [...]schema.ViewAlgorithm{schema.AlgorithmUndefined, schema.AlgorithmMerge, schema.AlgorithmTemptable}[n.Algorithm],
		CheckOption: r.Check, Charset: r.Charset, Collation: r.Collation, CreatedMicros: r.Now.UnixMicro(), DefinerUser: r.User, DefinerHost: r.Host,
	}
	if d := n.Definer; d != nil && !d.CurrentUser {
		v.DefinerUser, v.DefinerHost = d.Username, d.Hostname
	}
	if v.Query, err = Print(query); err != nil {
		return nil, mysqlerr.NotSupported("this query in a view")
	}
	return v, finish(ctx, r, v)
}

// recursive tells whether what a view names leads to itself.
func recursive(ctx *logical.Context, uses []schema.ViewUse, self schema.ViewUse, seen map[schema.ViewUse]bool) bool {
	for _, u := range uses {
		if u == self {
			return true
		}
		if v, ok := ctx.Catalog.View(u.DB, u.Table); ok && !seen[u] {
			seen[u] = true
			if recursive(ctx, v.Uses, self, seen) {
				return true
			}
		}
	}
	return false
}

// finish binds the view as it will be read, and sees what can be done with it. 1368; 1354 for MERGE that can't be.
func finish(ctx *logical.Context, r *Request, v *schema.View) error {
	own := *ctx
	own.ViewAccess = nil // the query's own tables were asked for
	cols, merged, updatable, err := logical.ViewShape(&own, v, r.DB)
	if err != nil {
		return err
	}
	for i := range cols {
		if cols[i].Field.Name != v.Columns[i] {
			return mysqlerr.NotSupported("this query in a view: " + v.Query)
		}
	}
	if v.Updatable = updatable; !updatable && v.CheckOption != schema.CheckNone {
		return mysqlerr.New(mysqlerr.ViewNonupdCheck, r.DB, v.Name)
	}
	if v.Algorithm == schema.AlgorithmMerge && !merged {
		v.Algorithm = schema.AlgorithmUndefined
		r.Warn(mysqlerr.New(mysqlerr.WarnViewMerge))
	}
	return nil
}

// columnNames completes the query with all its names, and gives those of the view's columns: 1353, 1060, 1166.
func columnNames(n *ast.CreateViewStmt, query ast.ResultSetNode, fields []types.Field, notes *logical.Notes) (names []string, err error) {
	if len(n.Cols) > 0 && len(n.Cols) != len(fields) {
		return nil, mysqlerr.New(mysqlerr.ViewWrongList)
	}
	first := firstSelect(query)
	switch {
	case first == nil:
		return nil, mysqlerr.NotSupported("this query in a view")
	case first.Kind == ast.SelectStmtKindValues: // column_0, column_1 …
		for i := range fields {
			names = append(names, fields[i].Name)
		}
	default:
		if names, err = aliases(first, fields, notes, len(n.Cols) > 0); err != nil {
			return nil, err
		}
	}
	for i := range n.Cols {
		names[i] = n.Cols[i].O
	}
	if err = checkNames(names); err == nil {
		query.Accept(&qualifier{notes: notes})
	}
	return names, err
}

// aliases gives all columns of a select list an alias. Where the view has a list of its own, they need not differ.
func aliases(first *ast.SelectStmt, fields []types.Field, notes *logical.Notes, listed bool) ([]string, error) {
	list := expand(notes, first.Fields.Fields)
	first.Fields.Fields = list
	names, given, taken := make([]string, len(list)), make([]bool, len(list)), map[string]bool{}
	for i, f := range list {
		_, column := f.Expr.(*ast.ColumnNameExpr)
		names[i], given[i] = fields[i].Name, column || f.AsName.O != ""
		low := strings.ToLower(names[i])
		if given[i] && taken[low] && !listed {
			return nil, mysqlerr.New(mysqlerr.DupFieldName, names[i])
		}
		taken[low] = taken[low] || given[i]
	}
	for i, f := range list { // names that nobody gave make way for the others, also for later ones
		if !given[i] && wrongName(names[i]) {
			names[i] = "Name_exp_" + strconv.Itoa(i+1)
		}
		if !given[i] && !listed && taken[strings.ToLower(names[i])] {
			names[i] = uniqueName(names[i], taken)
		}
		taken[strings.ToLower(names[i])] = true
		f.AsName = ast.NewCIStr(names[i])
	}
	return names, nil
}

// checkNames refuses names that columns can't have: 1060, 1166.
func checkNames(names []string) error {
	taken := map[string]bool{}
	for _, name := range names {
		low := strings.ToLower(name)
		switch {
		case taken[low]:
			return mysqlerr.New(mysqlerr.DupFieldName, name)
		case wrongName(name):
			return mysqlerr.New(mysqlerr.WrongColumnName, name)
		}
		taken[low] = true
	}
	return nil
}

func wrongName(name string) bool {
	return utf8.RuneCountInString(name) > maxName || name == "" || strings.HasSuffix(name, " ")
}

// Show is a view's query for SHOW CREATE VIEW in a session whose current database is db: without the name of the view's own database
// where that is the one, and the query names no other.
func Show(v *schema.View, own, current string) (text string, short bool) {
	if own != current {
		return v.Query, false
	}
	for _, u := range v.Uses {
		if u.DB != own {
			return v.Query, false
		}
	}
	n, err := syntax.Parse(v.Query, syntax.Options{})
	if err != nil {
		return v.Query, true
	}
	n.Accept(&unqualifier{db: own})
	if text, err = Print(n); err != nil {
		return v.Query, true
	}
	return text, true
}
