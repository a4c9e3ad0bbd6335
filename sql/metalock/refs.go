package metalock

import "github.com/pingcap/tidb/pkg/parser/ast"

// RefsOf gives the tables that a statement names, with their aliases; among them may be names of common table
// expressions.
func RefsOf(n ast.Node, db string) []Ref {
	c := refCollector{db: db}
	n.Accept(&c)
	for i := range c.refs {
		r := &c.refs[i]
		r.CTE = r.CTE && c.ctes[ast.NewCIStr(r.Name).L]
	}
	return c.refs
}

type refCollector struct {
	db   string
	refs []Ref
	ctes map[string]bool // names of common table expressions, in lower case
}

// Enter implements ast.Visitor.
func (c *refCollector) Enter(n ast.Node) (ast.Node, bool) {
	if with, ok := n.(*ast.CommonTableExpression); ok {
		if c.ctes == nil {
			c.ctes = map[string]bool{}
		}
		c.ctes[with.Name.L] = true
	}
	if load, ok := n.(*ast.LoadDataStmt); ok {
		n = &ast.TableSource{Source: load.Table}
	}
	src, ok := n.(*ast.TableSource)
	if !ok {
		return n, false
	}
	t, ok := src.Source.(*ast.TableName)
	if !ok {
		return n, false
	}
	r := Ref{DB: t.Schema.O, Name: t.Name.O, Alias: src.AsName.O, CTE: t.Schema.O == ""}
	if r.DB == "" {
		r.DB = c.db
	}
	if r.Alias == "" {
		r.Alias = r.Name
	}
	c.refs = append(c.refs, r)
	return n, true
}

// Leave implements ast.Visitor.
func (c *refCollector) Leave(n ast.Node) (ast.Node, bool) { return n, true }
