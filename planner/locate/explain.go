package locate

import (
	"fmt"
	"strings"

	"cloudsql/planner/access"
	"cloudsql/planner/explain"
	"cloudsql/storage/expr"
)

// Explain shows the lookup as an operator.
func (k *Lookup) Explain(operator string) explain.Line {
	n := 1
	var conds []string
	for i, c := range k.Index.Columns {
		n = max(n, len(k.Parts[i].Values))
		conds = append(conds, k.Table.Columns[c.Column].Name+" = "+join(k.Parts[i].Values))
	}
	if n > 1 {
		operator = "Batch" + operator
	}
	return explain.Line{
		Operator: operator, EstRows: float64(n), Where: fmt.Sprintf("shard %d", k.Table.Tablets[0].Shard),
		Object: "table:" + k.Table.Name + ", index:" + k.Index.Name, Info: strings.Join(conds, ", "),
		Cost: float64(n) * access.CostPoint, Table: explain.Keys(k.Table, k.Index, n),
	}
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
