package logical

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/exec"
	"cloudsql/storage/mysqlerr"
)

// cteScope is the common table expressions that a query can name, innermost first.
type cteScope struct {
	outer *cteScope
	def   *cteDef
}

// cteDef is one common table expression. A plain one is bound anew wherever it is named, so that each use can be planned
// with its own conditions; a recursive one is computed by iteration.
type cteDef struct {
	name      string
	query     ast.ResultSetNode
	names     []ast.CIStr
	visible   *cteScope   // what it can name itself
	outer     *bind.Scope // columns of blocks around the query that it belongs to
	recursive bool
	working   *block.Working // while its recursive part is bound
	member    int            // meanwhile: how many blocks are being bound, and in the member itself
	named     bool           // the member names it
	depth     int
}

func (s *cteScope) find(name string) *cteDef {
	for ; s != nil; s = s.outer {
		if s.def.name == name {
			return s.def
		}
	}
	return nil
}

func (b *builder) bindWith(w *ast.WithClause, sc *bind.Scope, outer *cteScope) (*cteScope, error) {
	scope := outer
	seen := map[string]bool{}
	for _, c := range w.CTEs {
		if seen[c.Name.L] {
			return nil, mysqlerr.New(mysqlerr.NonuniqTable, c.Name.O)
		}
		seen[c.Name.L] = true
		d := &cteDef{name: c.Name.L, query: c.Query.Query, names: c.ColNameList, visible: scope, outer: sc}
		scope = &cteScope{outer: scope, def: d}
		if w.IsRecursive && bind.NamesTable(c.Query.Query, c.Name.L) {
			d.recursive, d.visible = true, scope
		}
	}
	return scope, nil
}

// maxCTEDepth bounds expressions that name each other, which multiply.
const maxCTEDepth = 64

// fromCTE makes a table of a common table expression.
func (q fromClause) fromCTE(d *cteDef, alias string) (Node, []bind.Column, error) {
	b := q.b
	if d.working != nil {
		if d.named || len(b.stack) != d.member {
			return nil, nil, mysqlerr.New(mysqlerr.CTERecursiveSingleReference, d.name)
		}
		d.named = true
		node, cols := d.working.Relation(&b.ids, alias)
		return node, cols, nil
	}
	if d.depth++; d.depth > maxCTEDepth {
		return nil, nil, mysqlerr.New(mysqlerr.TooHighLevelOfNestingForSelect)
	}
	defer func() { d.depth-- }()
	defer b.apart()()
	var body block.Query
	var err error
	if d.recursive {
		body, err = b.bindRecursive(d)
	} else {
		body, err = b.bindQuery(d.query, d.outer, d.visible)
	}
	if err != nil {
		return nil, nil, err
	}
	q.addDerived(body)
	return derived(body, alias, d.names)
}

// recursion is WITH RECURSIVE while it is bound.
type recursion struct {
	*block.Recursive
	b       *builder
	def     *cteDef
	seeds   *cteScope // what the seed's members can name
	visible *cteScope // what the recursive ones can
}

func (b *builder) bindRecursive(d *cteDef) (block.Query, error) {
	u, ok := d.query.(*ast.SetOprStmt)
	if !ok {
		return nil, mysqlerr.New(mysqlerr.CTERecursiveRequiresUnion, d.name)
	}
	if u.OrderBy != nil {
		return nil, mysqlerr.NotSupported("ORDER BY over UNION in recursive Common Table Expression") // MySQL's words
	}
	r := recursion{Recursive: &block.Recursive{Depth: b.recursionLimit()}, b: b, def: d, seeds: d.visible.outer, visible: d.visible}
	var err error
	if r.Limit, err = b.limit(u.Limit); err != nil {
		return nil, err
	}
	if u.With != nil {
		if r.visible, err = b.bindWith(u.With, d.outer, d.visible); err != nil {
			return nil, err
		}
		r.seeds = r.visible
	}
	for _, s := range u.SelectList.Selects {
		if after := afterOperator(s); after != nil {
			switch *after {
			case ast.Union:
				r.Distinct = true
			case ast.UnionAll:
			default:
				return nil, mysqlerr.NotSupported("INTERSECT and EXCEPT in a recursive common table expression")
			}
		}
		if err := r.bindMember(s); err != nil {
			return nil, err
		}
	}
	d.working = nil
	if len(r.Members) == 0 || r.Seed == nil {
		return nil, d.withoutSeed()
	}
	return r.Recursive, nil
}

func (d *cteDef) withoutSeed() error {
	return mysqlerr.New(mysqlerr.CTERecursiveRequiresSeed, d.name)
}

// afterOperator is the operator in front of a member; nil for the first.
func afterOperator(n ast.Node) *ast.SetOprType {
	switch n := n.(type) {
	case *ast.SelectStmt:
		return n.AfterSetOperator
	case *ast.SetOprSelectList:
		return n.AfterSetOperator
	}
	return nil
}

func (r *recursion) bindMember(n ast.Node) error {
	if !bind.NamesTable(n, r.def.name) {
		return r.bindSeed(n)
	}
	d := r.def
	if r.Seed == nil {
		return d.withoutSeed()
	}
	if r.Working == nil {
		r.nameColumns()
	}
	list, nested := n.(*ast.SetOprSelectList)
	if nested && (len(list.Selects) > 1 || list.With != nil || list.OrderBy != nil || list.Limit != nil) {
		return mysqlerr.NotSupported("nested set operations in a recursive common table expression")
	}
	if nested {
		n = list.Selects[0]
	}
	sel, ok := n.(*ast.SelectStmt)
	if !ok {
		return mysqlerr.NotSupported("nested set operations in a recursive common table expression")
	}
	d.working, d.member, d.named = r.Working, len(r.b.stack)+1, false
	q, err := r.b.bindSelect(sel, d.outer, r.visible)
	d.working = nil
	if err != nil {
		return err
	}
	switch {
	case q.Grouped || len(q.Windows) > 0:
		return mysqlerr.New(mysqlerr.CTERecursiveForbidsAggregation, d.name)
	case q.Distinct || len(q.OrderBy) > 0 || q.Limit != nil: // MySQL's words
		return mysqlerr.NotSupported("ORDER BY / LIMIT / SELECT DISTINCT in recursive query block of Common Table Expression")
	case !d.named:
		return mysqlerr.New(mysqlerr.CTERecursiveSingleReference, d.name)
	case optionalWorking(q.Source, false):
		return mysqlerr.New(mysqlerr.CTERecursiveForbiddenJoinOrder, d.name)
	}
	if len(q.Fields) != len(r.Columns()) {
		return mysqlerr.New(mysqlerr.WrongNumberOfColumnsInSelect)
	}
	r.Members = append(r.Members, q)
	return nil
}

// bindSeed binds a member that does not name the whole: the seed, or one more of its members.
func (r *recursion) bindSeed(n ast.Node) error {
	if len(r.Members) > 0 {
		return r.def.withoutSeed()
	}
	var q block.Query
	var err error
	switch n := n.(type) {
	case *ast.SetOprSelectList:
		q, err = r.b.bindSetList(n, r.def.outer, r.seeds)
	case *ast.SelectStmt:
		q, err = r.b.bindSelect(n, r.def.outer, r.seeds)
	default:
		err = mysqlerr.NotSupported("this member of a recursive common table expression")
	}
	if err != nil {
		return err
	}
	if r.Seed == nil {
		r.Seed = q
		return nil
	}
	r.Seed, err = block.Combine(&r.b.ids, r.b.typing(), algebra.Union, true, r.Seed, q)
	return err
}

// optionalWorking tells whether the rows of the round before are on the right of a LEFT JOIN.
func optionalWorking(n Node, right bool) bool {
	if _, ok := n.(*Working); ok {
		return right
	}
	if j, ok := n.(*Join); ok && j.Kind == exec.Left {
		return optionalWorking(j.Left, right) || optionalWorking(j.Right, true)
	}
	if n == nil {
		return false
	}
	for _, in := range n.Inputs() {
		if optionalWorking(in, right) {
			return true
		}
	}
	return false
}

// nameColumns names the columns, once the seed is whole.
func (r *recursion) nameColumns() {
	names := make([]string, len(r.def.names))
	for i, name := range r.def.names {
		names[i] = name.O
	}
	r.NameColumns(&r.b.ids, r.def.name, names)
}

// defaultRecursion is cte_max_recursion_depth.
const defaultRecursion = 1000

func (b *builder) recursionLimit() int {
	if b.ctx.Env.Session == nil {
		return defaultRecursion
	}
	return b.ctx.RecursionDepth
}
