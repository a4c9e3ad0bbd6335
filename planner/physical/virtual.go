package physical

import (
	"context"
	"strings"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// virtualNode reads a virtual table.
type virtualNode struct {
	base
	table *algebra.Virtual
	eq    []virtualEq
}

// virtualEq is a condition column = constant that the table may use.
type virtualEq struct {
	name  string
	value expr.Expr
}

// virtualRows is what a virtual table is thought to have.
const virtualRows = 200

func planVirtual(t *algebra.Virtual, conds []expr.Expr) (node, error) {
	list := t.Rows.Columns()
	if t.Used == nil {
		all := *t
		for i := range list {
			all.Used = append(all.Used, i)
		}
		t = &all
	}
	v := &virtualNode{table: t}
	for _, pos := range t.Used {
		v.cols = append(v.cols, t.First+pos)
	}
	v.est, v.price = virtualRows, virtualRows
	position := func(c *expr.Column) int {
		if p := c.Index - t.First; p >= 0 && p < len(list) {
			return p
		}
		return -1
	}
	for _, c := range conds {
		eq := scalar.AsCall(c, "=")
		if eq == nil {
			continue
		}
		for i := range 2 {
			col, ok := eq.Args()[i].(*expr.Column)
			if val := eq.Args()[1-i]; ok && position(col) >= 0 && scalar.Fixed(val) && val.Type().Class() == types.ClassString {
				v.eq = append(v.eq, virtualEq{name: strings.ToLower(list[position(col)].Name), value: val})
			}
		}
	}
	return newFilter(v, conds)
}

func (v *virtualNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	q := exec.VirtualQuery{Used: v.table.Used}
	for _, c := range v.eq {
		val, err := c.value.Eval(run.Env, nil)
		if err != nil {
			return nil, err
		}
		if val.IsNull() {
			return spill.NewRows(nil, len(v.cols)), nil
		}
		if q.Equal == nil {
			q.Equal = map[string]string{}
		}
		q.Equal[c.name] = val.Text()
	}
	return exec.NewVirtualRead(ctx, run, v.table.Rows, q)
}

func (v *virtualNode) explain(x *explainer, depth int) {
	x.add(depth, "VirtualTable", &v.base, "table:"+v.table.Name, "")
}
