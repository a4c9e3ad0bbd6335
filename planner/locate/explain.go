package locate

import (
	"fmt"
	"slices"
	"strings"

	"cloudsql/planner/access"
	"cloudsql/planner/explain"
	"cloudsql/storage/expr"
)

// Explain shows the lookup as an operator.
func (k *Lookup) Explain(operator string, p *Place) explain.Line {
	n := 1
	var conds []string
	for i, c := range k.Index.Columns {
		n = max(n, len(k.Parts[i].Values))
		conds = append(conds, k.Table.Columns[c.Column].Name+" = "+join(k.Parts[i].Values))
	}
	if n > 1 {
		operator = "Batch" + operator
	}
	t := explain.Keys(k.Table, k.Index, n)
	if p.Parts != nil {
		t.Desc, t.Leaves = k.Table, func(env *expr.Env) []int { return k.leaves(env, p) }
	}
	return explain.Line{
		Operator: operator, EstRows: float64(n), Where: fmt.Sprintf("shard %d", k.Table.Tablets[0].Shard),
		Object: "table:" + k.Table.Name + ", index:" + k.Index.Name, Info: strings.Join(conds, ", "),
		Cost: float64(n) * access.CostPoint, Table: t,
	}
}

// leaves are the places of the partitions that a lookup reads.
func (k *Lookup) leaves(env *expr.Env, p *Place) (list []int) {
	rows, err := k.Located(env, p)
	if err != nil {
		return nil
	}
	for i, part := range k.Table.Partitioning.Leaves() {
		if slices.ContainsFunc(rows, func(r Row) bool { return r.Tablet.Partition == part.ID }) {
			list = append(list, i)
		}
	}
	return list
}

func join(list []expr.Expr) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.String()
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return "(" + strings.Join(texts, ", ") + ")"
}
