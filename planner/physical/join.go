package physical

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/explain"
	"cloudsql/planner/scalar"
	"cloudsql/planner/section"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// joinNode is a hash join, or a nested loop where there are no keys.
type joinNode struct {
	base
	left, right         node
	kind                exec.JoinKind
	leftKeys, rightKeys []exec.KeyPart
	conds               []expr.Expr // resolved over left and right
	tells               bool        // the cluster knows key sets
	lookup              *lookupNode // the same join by an index, which costs more at the gateway; nil: there is none
}

// joinedIDs are the columns that a join gives.
func joinedIDs(left, right []int, kind exec.JoinKind) []int {
	ids := append([]int(nil), left...)
	if kind == exec.Inner || kind == exec.Left {
		ids = append(ids, right...)
	}
	return ids
}

func newLoopOrHash(left, right node, s joinSpec) (node, error) {
	if s.kind == exec.Inner && !s.fixed && len(s.keys) > 0 && left.rows() < right.rows() && len(left.sorted()) == 0 {
		// The smaller side is the one to build a table of.
		left, right = right, left
		flipped := make([]scalar.JoinKey, len(s.keys))
		for i, k := range s.keys {
			k.Left, k.Right = k.Right, k.Left
			flipped[i] = k
		}
		s.keys = flipped
	}
	j := &joinNode{left: left, right: right, kind: s.kind, tells: s.tells}
	both := append(append([]int(nil), left.ids()...), right.ids()...)
	price := left.cost() + right.cost()
	if len(s.keys) > 0 {
		price += right.rows()*costHashAdd + left.rows()*costProbe
	} else {
		price += right.rows()*costHashAdd + left.rows()*right.rows()*costPair
	}
	j.base = base{cols: joinedIDs(left.ids(), right.ids(), s.kind), est: s.out, price: price + s.out*access.CostFilter, order: left.sorted()}
	var err error
	if j.conds, err = scalar.ResolveAll(s.rest, both); err != nil {
		return nil, err
	}
	for _, k := range s.keys {
		l, err := scalar.Resolve(k.Left, left.ids())
		if err != nil {
			return nil, err
		}
		r, err := scalar.Resolve(k.Right, right.ids())
		if err != nil {
			return nil, err
		}
		j.leftKeys = append(j.leftKeys, exec.KeyPart{Expr: l, Collation: k.Hash.Coll, AsFloat: k.Hash.Float, NullSafe: k.NullSafe})
		j.rightKeys = append(j.rightKeys, exec.KeyPart{Expr: r, Collation: k.Hash.Coll, AsFloat: k.Hash.Float, NullSafe: k.NullSafe})
	}
	return j, nil
}

func (j *joinNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	spec := exec.JoinSpec{Kind: j.kind, Conds: j.conds, LeftWidth: len(j.left.ids()), RightWidth: len(j.right.ids()),
		Unordered: len(j.order) == 0}
	var left exec.Operator
	var err error
	if list := j.probes(); list != nil {
		spec.Probe = func(keys exec.Keys) (exec.Operator, error) { return j.openProbed(ctx, run, list, keys) }
	} else if left, err = open(ctx, run, j.left); err != nil {
		return nil, err
	}
	right, err := open(ctx, run, j.right)
	if err != nil {
		if left != nil {
			left.Close()
		}
		return nil, err
	}
	if len(j.leftKeys) > 0 {
		return exec.NewHashJoin(run, left, right, j.leftKeys, j.rightKeys, spec), nil
	}
	return exec.NewNestedLoop(run, left, right, spec), nil
}

func (j *joinNode) explain(x *explainer, depth int) {
	name := "NestedLoop"
	var parts []string
	for i := range j.leftKeys {
		name = "HashJoin"
		parts = append(parts, j.leftKeys[i].Expr.String()+" = "+j.rightKeys[i].Expr.String())
	}
	if len(j.conds) > 0 {
		parts = append(parts, "conditions: "+scalar.Texts(j.conds))
	}
	parts = append(parts, j.explainProbes()...)
	x.add(depth, name, &j.base, "", strings.Join(append([]string{j.kind.String()}, parts...), ", "))
	j.left.explain(x, depth+1)
	j.right.explain(x, depth+1)
}

// lookupNode reads the right side by an index for each batch of left rows.
type lookupNode struct {
	base
	left  node
	scan  *tableScan
	kind  exec.JoinKind
	parts []access.LookupPart
	conds []expr.Expr // resolved over left and right
}

// newLookup plans an index join, nil where no index serves.
func (p *planner) newLookup(left node, t *algebra.Table, right *leaf, s joinSpec) (node, error) {
	push, rest := p.ship.Split(right.conds)
	var best *lookupNode
	for i := range t.Desc.Indexes {
		ix := &t.Desc.Indexes[i]
		if ix.State != schema.Public || ix.Hidden || !t.Hint.Join.Allows(ix.Name) {
			continue
		}
		n, err := lookupBy(left, t, ix, push, rest, s)
		if err != nil {
			return nil, err
		}
		if n != nil && (best == nil || n.price < best.price) {
			best = n
		}
	}
	if best == nil {
		return nil, nil
	}
	return best, nil
}

func lookupBy(left node, t *algebra.Table, ix *schema.Index, push, rest []expr.Expr, s joinSpec) (*lookupNode, error) {
	n := &lookupNode{left: left, kind: s.kind}
	p := &access.Path{Index: ix, Filter: push}
	share, joined, settled := 1.0, false, map[expr.Expr]bool{}
	for i := range ix.Columns {
		c := &ix.Columns[i]
		if c.Prefix > 0 {
			break
		}
		part, cond := t.Lookup(c, push, s.keys)
		if part == nil {
			break
		}
		if cond != nil {
			joined = true
			settled[cond] = true
		}
		n.parts = append(n.parts, *part)
		share *= t.PointShare(i, ix)
	}
	if !joined {
		return nil, nil
	}
	p.Point = len(n.parts) == len(ix.Columns) && (ix.IsUnique() || ix.ID == schema.PrimaryIndex)
	p.Whole = p.Point
	each := math.Max(t.Rows*share, 1)
	if p.Point {
		each = 1
	}
	p.Points = 2 // shows as a batch
	var conds []expr.Expr
	for _, c := range s.conds {
		if !settled[c] {
			conds = append(conds, c)
		}
	}
	conds = append(conds, rest...)
	pass := t.Selectivity(push)
	first := (s.kind == exec.Semi || s.kind == exec.Anti) && len(conds) == 0 && !p.Point && !t.Lock.IsExplicit()
	if first {
		each = math.Min(each, 1/pass)
	}
	p.Est = left.rows() * each
	p.Out = p.Est * pass
	p.Cover = t.Covers(ix)
	perRow := 1.0
	if ix.ID != schema.PrimaryIndex && !p.Cover {
		perRow += access.CostLookupRow
	}
	var err error
	if n.scan, err = newScan(t, p, false); err != nil {
		return nil, err
	}
	price := left.cost() + left.rows()*access.CostPoint + p.Est*perRow + access.CostFragment*math.Ceil(left.rows()/256)
	n.base = base{cols: joinedIDs(left.ids(), n.scan.ids(), s.kind), est: s.out, price: price, order: left.sorted()}
	for i := range n.parts {
		part := &n.parts[i]
		if part.Right >= 0 {
			part.Right = slices.Index(n.scan.ids(), t.First+part.Right)
		}
		if part.Value, err = scalar.Resolve(part.Value, left.ids()); err != nil {
			return nil, err
		}
	}
	if first {
		n.firstOnly()
	}
	both := append(append([]int(nil), left.ids()...), n.scan.ids()...)
	n.conds, err = scalar.ResolveAll(conds, both)
	return n, err
}

// firstOnly has the shard give one row of each key: more of them tell a semi join nothing.
func (n *lookupNode) firstOnly() {
	by, cols := &fragment.Aggregate{}, []int(nil)
	for i := range n.parts {
		part := &n.parts[i]
		if part.Right < 0 {
			continue
		}
		c := &n.scan.table.Desc.Columns[n.scan.columns[part.Right]]
		by.GroupBy = append(by.GroupBy, &expr.Column{Index: part.Right, Typ: c.Type, Name: n.scan.table.Alias + "." + c.Shown()})
		cols = append(cols, n.scan.cols[part.Right])
		part.Right = len(cols) - 1
	}
	n.scan = n.scan.aggregating(by, cols, n.scan.est)
}

func (n *lookupNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	left, err := open(ctx, run, n.left)
	if err != nil {
		return nil, err
	}
	f, err := n.scan.template(ctx, run)
	if err != nil {
		return &exec.LateError{Err: err, Probe: left, Rest: func() (exec.Operator, error) { return spill.NewRows(nil, len(n.cols)), nil }}, nil
	}
	spec := exec.JoinSpec{Kind: n.kind, Conds: n.conds, LeftWidth: len(n.left.ids()), RightWidth: len(n.scan.ids())}
	return exec.NewIndexJoin(run, left, &lookup{plan: n, read: f}, spec), nil
}

func (n *lookupNode) explain(x *explainer, depth int) {
	var parts []string
	for i := range n.parts {
		c := n.scan.path.Index.Columns[i]
		parts = append(parts, n.scan.table.Desc.Columns[c.Column].Shown()+" = "+n.parts[i].Value.String())
	}
	if len(n.conds) > 0 {
		parts = append(parts, "conditions: "+scalar.Texts(n.conds))
	}
	x.add(depth, "IndexJoin", &n.base, "", n.kind.String()+", "+strings.Join(parts, ", "))
	n.left.explain(x, depth+1)
	n.explainRight(x, depth+1)
}

// explainRight adds the line of the table.
func (n *lookupNode) explainRight(x *explainer, depth int) *explain.Line {
	name := "IndexLookup"
	switch {
	case n.scan.path.Point:
		name = "BatchPointGet"
	case n.scan.path.Index.ID == schema.PrimaryIndex:
		name = "TableRange"
	case n.scan.path.Cover:
		name = "IndexScan"
	}
	line := x.addScan(depth, name, n.scan, n.scan.path.Out, n.price-n.left.cost(), "table:"+n.scan.table.Desc.Name+", index:"+n.scan.path.Index.Name)
	n.explainTable(line.Table)
	return line
}

// lookup is one execution of a lookupNode.
type lookup struct {
	plan *lookupNode
	read *fragment.Read
	keys [][]byte
	buf  []byte
	own  types.Arena // of keys
}

// Key encodes the index key of a left row.
func (l *lookup) Key(run *exec.Run, left []types.Value, dst []byte) ([]byte, bool, error) {
	l.buf = l.buf[:0]
	for i := range l.plan.parts {
		p := &l.plan.parts[i]
		v, err := p.Value.Eval(run.Env, left)
		if err != nil || v.IsNull() {
			return dst, false, err
		}
		v, _, state := access.Bounds(v, p.Col.Type, &run.Env.Mode)
		if state != access.Exactly {
			return dst, false, nil
		}
		l.buf = keys.AppendValue(l.buf, v, p.Col.Type, 0, p.Col.Desc)
		if p.Right >= 0 {
			dst = types.HashKey(dst, v, p.Coll)
		}
	}
	return dst, true, nil
}

// Add takes in the key that was encoded last.
func (l *lookup) Add() { l.keys = append(l.keys, l.own.Bytes(l.buf)) }

// Open reads the rows of all keys in one pass over the index.
func (l *lookup) Open(ctx context.Context, run *exec.Run, ahead bool) (exec.Operator, error) {
	if a := run.RT.Analysis; a != nil {
		return a.Open(l.plan.scan.self(), func() (exec.Operator, error) { return l.open(ctx, run, ahead) })
	}
	return l.open(ctx, run, ahead)
}

func (l *lookup) open(ctx context.Context, run *exec.Run, ahead bool) (exec.Operator, error) {
	slices.SortFunc(l.keys, bytes.Compare)
	spans := access.Wholes(slices.CompactFunc(l.keys, bytes.Equal))
	l.keys = nil
	l.own.Reset()
	s := l.plan.scan
	o := exec.ReadOptions{Actual: run.RT.Analysis.Of(s.self()), Ahead: ahead}
	if run.RT.Txn != nil {
		o.Mode, o.Lock = s.lock.Mode, s.lock.Opts
	}
	tablets := s.tablets(run.Env)
	if len(tablets) == 0 {
		return spill.NewRows(nil, len(s.cols)), nil
	}
	frags, err := s.fragments(ctx, run, l.read, tablets, spans, s.path.Whole, &o)
	if err != nil {
		return nil, err
	}
	if cut := section.Cut(run, s.table.Desc, frags); cut != nil {
		return exec.NewSectionRead(ctx, run, cut, o)
	}
	return exec.NewTableRead(ctx, run, frags, o)
}

// Match is the hash key of a right row.
func (l *lookup) Match(_ *exec.Run, right []types.Value, dst []byte) ([]byte, error) {
	for i := range l.plan.parts {
		if p := &l.plan.parts[i]; p.Right >= 0 {
			dst = types.HashKey(dst, right[p.Right], p.Coll)
		}
	}
	return dst, nil
}
