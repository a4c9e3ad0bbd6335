package logical

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
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
	working   *workingTable // while its recursive part is bound
	member    int           // meanwhile: how many blocks are being bound, and in the member itself
	named     bool          // the member names it
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
		return d.working.relation(b, alias)
	}
	if d.depth++; d.depth > maxCTEDepth {
		return nil, nil, mysqlerr.New(mysqlerr.TooHighLevelOfNestingForSelect)
	}
	defer func() { d.depth-- }()
	defer b.apart()()
	var body query
	var err error
	if d.recursive {
		body, err = b.bindRecursive(d)
	} else {
		body, err = b.bindQuery(d.query, d.outer, d.visible)
	}
	if err != nil {
		return nil, nil, err
	}
	q.derived = append(q.derived, body)
	return derived(body, alias, d.names)
}

// recursiveQuery is WITH RECURSIVE: the seed, then the recursive members over the rows of the round before, until none
// are new.
type recursiveQuery struct {
	b        *builder
	name     string
	seed     query
	members  []query
	working  *workingTable
	distinct bool
	limit    *scalar.Limit
	cols     []bind.Column
	seeds    *cteScope // what the seed's members can name
	visible  *cteScope // what the recursive ones can
}

// workingTable stands for the rows of the round before within the recursive members.
type workingTable struct {
	recursion *Recursion
	cols      []bind.Column
}

func (w *workingTable) relation(b *builder, alias string) (Node, []bind.Column, error) {
	cols := make([]bind.Column, len(w.cols))
	n := &Working{Recursion: w.recursion}
	for i, c := range w.cols {
		c.ID = b.newIDs(1)
		c.Field.Table = alias
		cols[i] = c
		n.IDs = append(n.IDs, c.ID)
	}
	return n, cols, nil
}

func (b *builder) bindRecursive(d *cteDef) (query, error) {
	u, ok := d.query.(*ast.SetOprStmt)
	if !ok {
		return nil, mysqlerr.New(mysqlerr.CTERecursiveRequiresUnion, d.name)
	}
	if u.OrderBy != nil {
		return nil, mysqlerr.NotSupported("ORDER BY over UNION in recursive Common Table Expression") // MySQL's words
	}
	r := &recursiveQuery{b: b, name: d.name, seeds: d.visible.outer, visible: d.visible}
	var err error
	if r.limit, err = b.bindLimit(u.Limit); err != nil {
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
				r.distinct = true
			case ast.UnionAll:
			default:
				return nil, mysqlerr.NotSupported("INTERSECT and EXCEPT in a recursive common table expression")
			}
		}
		if err := r.bindMember(d, s); err != nil {
			return nil, err
		}
	}
	d.working = nil
	if len(r.members) == 0 || r.seed == nil {
		return nil, d.withoutSeed()
	}
	return r, nil
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

func (r *recursiveQuery) bindMember(d *cteDef, n ast.Node) error {
	recursive := bind.NamesTable(n, d.name)
	list, nested := n.(*ast.SetOprSelectList)
	if !recursive {
		if len(r.members) > 0 {
			return d.withoutSeed()
		}
		var q query
		var err error
		if nested {
			q, err = r.b.bindSetList(list, d.outer, r.seeds)
		} else if sel, ok := n.(*ast.SelectStmt); ok {
			q, err = r.b.bindSelect(sel, d.outer, r.seeds)
		} else {
			err = mysqlerr.NotSupported("this member of a recursive common table expression")
		}
		if err != nil {
			return err
		}
		if r.seed == nil {
			r.seed = q
			return nil
		}
		r.seed, err = r.b.combine(algebra.Union, true, r.seed, q)
		return err
	}
	if r.seed == nil {
		return d.withoutSeed()
	}
	if r.working == nil {
		r.nameColumns(d)
	}
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
	d.working, d.member, d.named = r.working, len(r.b.stack)+1, false
	q, err := r.b.bindSelect(sel, d.outer, r.visible)
	d.working = nil
	if err != nil {
		return err
	}
	switch {
	case q.grouped || len(q.windows) > 0:
		return mysqlerr.New(mysqlerr.CTERecursiveForbidsAggregation, d.name)
	case q.distinct || len(q.orderBy) > 0 || q.limit != nil: // MySQL's words
		return mysqlerr.NotSupported("ORDER BY / LIMIT / SELECT DISTINCT in recursive query block of Common Table Expression")
	case !d.named:
		return mysqlerr.New(mysqlerr.CTERecursiveSingleReference, d.name)
	case optionalWorking(q.source, false):
		return mysqlerr.New(mysqlerr.CTERecursiveForbiddenJoinOrder, d.name)
	}
	if len(q.fields) != len(r.cols) {
		return mysqlerr.New(mysqlerr.WrongNumberOfColumnsInSelect)
	}
	r.members = append(r.members, q)
	return nil
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

// nameColumns takes names and types from the seed; every column may be NULL.
func (r *recursiveQuery) nameColumns(d *cteDef) {
	r.working = &workingTable{recursion: &Recursion{Name: r.name}}
	for i, c := range r.seed.columns() {
		c.Field.Flags &^= uint16(mysql.NotNullFlag)
		c.Field.Schema, c.Field.Table, c.Field.OrgTable, c.Field.OrgName = "", "", "", ""
		c.Shadowed, c.Hidden, c.Invisible, c.Source = false, false, false, nil
		out := c
		out.ID = r.b.newIDs(1)
		r.cols = append(r.cols, out)
		if i < len(d.names) {
			c.Field.Name = d.names[i].O
		}
		r.working.cols = append(r.working.cols, c)
	}
}

func (r *recursiveQuery) columns() []bind.Column { return r.cols }
func (r *recursiveQuery) refs() []outerRef       { return nil }

func (r *recursiveQuery) node() Node {
	n := &Recursive{Recursion: r.working.recursion, Distinct: r.distinct, Limit: r.limit, Depth: r.b.recursionLimit()}
	for i := range r.cols {
		n.IDs = append(n.IDs, r.cols[i].ID)
		n.Colls = append(n.Colls, r.cols[i].Field.Type.Collation)
	}
	n.Seed = converted(r.seed, r.cols, n.IDs)
	for i, m := range r.members { // whatever their types are
		p := converted(m, r.cols, n.IDs)
		for k := range p.List {
			if e := r.stored(i, k); e != nil {
				p.List[k] = e
			}
		}
		n.Members = append(n.Members, p)
	}
	return n
}

// stored is a member's value as it is put into a column whose type the seed says: one that is too long or too large is an error, or
// is cut; nil for one that fits.
func (r *recursiveQuery) stored(member, i int) expr.Expr {
	typ := r.cols[i].Field.Type
	name := r.working.cols[i].Field.Name
	from := r.members[member].columns()[i]
	switch typ.Class() {
	case types.ClassString:
		if from.Field.Type.Class() == types.ClassString && from.Field.Type.Length <= typ.Length {
			return nil
		}
	case types.ClassDecimal:
	default:
		return nil
	}
	return expr.NewFunc("stored", typ, expr.Volatile, []expr.Expr{from.Ref()}, func(env *expr.Env, args []types.Value) (types.Value, error) {
		return conversion.Assign(args[0], &typ, name, 1, &env.Mode, env.Warn)
	})
}

// defaultRecursion is cte_max_recursion_depth.
const defaultRecursion = 1000

func (b *builder) recursionLimit() int {
	if b.ctx.Env.Session == nil {
		return defaultRecursion
	}
	return b.ctx.RecursionDepth
}
