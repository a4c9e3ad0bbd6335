package show

import (
	"fmt"
	"strings"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// What MySQL shows of a table's partitions.

// partitions writes PARTITION BY behind the table's options.
func (w *definition) partitions() {
	p := w.t.Partitioning
	if p == nil {
		return
	}
	since := "50100"
	if p.OverColumns() && p.Method != schema.PartitionByKey {
		since = "50500"
	}
	w.WriteString("\n/*!" + since + " PARTITION BY ")
	w.partitionRule(&p.PartitionRule)
	if !p.Named && p.Count > 0 {
		fmt.Fprintf(w, "\nPARTITIONS %d", p.Count)
	}
	if p.Sub != nil {
		w.WriteString("\nSUBPARTITION BY ")
		w.partitionRule(p.Sub)
		if p.Sub.Count > 0 && !p.SubNamed {
			fmt.Fprintf(w, "\nSUBPARTITIONS %d", p.Sub.Count)
		}
	}
	if p.Named {
		for i := range p.Partitions {
			w.WriteString([...]string{"\n(", ",\n "}[min(i, 1)])
			w.partition(&p.Partitions[i])
		}
		w.WriteString(")")
	}
	w.WriteString(" */")
}

func (w *definition) partitionRule(r *schema.PartitionRule) {
	if r.Linear {
		w.WriteString("LINEAR ")
	}
	w.WriteString(r.Method.String() + " ")
	if r.Expr != "" {
		w.WriteString("(" + r.Expr + ")")
		return
	}
	if r.Method != schema.PartitionByKey {
		w.WriteString(" COLUMNS")
	}
	w.WriteString("(" + strings.Join(columnNames(w.t, r, plainName), ",") + ")")
}

// columnNames are those of a rule over columns; none where KEY () names none.
func columnNames(t *schema.Table, r *schema.PartitionRule, quote func(string) string) (names []string) {
	if r.Primary {
		return nil
	}
	for _, pos := range t.KeyColumns(r) {
		names = append(names, quote(t.Columns[pos].Name))
	}
	return names
}

// plainName quotes a name that needs it.
func plainName(name string) string {
	if isPlainName(name) {
		return name
	}
	return mysqlerr.Quote(name)
}

func (w *definition) partition(part *schema.Partition) {
	w.WriteString("PARTITION " + plainName(part.Name))
	switch w.t.Partitioning.Method {
	case schema.PartitionByRange:
		w.WriteString(" VALUES LESS THAN ")
		text := tupleText(w.t, part.Values[0])
		if text != "MAXVALUE" || w.t.Partitioning.OverColumns() {
			text = "(" + text + ")"
		}
		w.WriteString(text)
	case schema.PartitionByList:
		w.WriteString(" VALUES IN (" + listText(w.t, part) + ")")
	}
	if !w.t.Partitioning.SubNamed {
		w.partitionOptions(part)
		return
	}
	for i := range part.Sub {
		w.WriteString([...]string{"\n (", ",\n  "}[min(i, 1)] + "SUBPARTITION " + plainName(part.Sub[i].Name))
		w.partitionOptions(&part.Sub[i])
	}
	w.WriteString(")")
}

func (w *definition) partitionOptions(part *schema.Partition) {
	if part.MaxRows > 0 {
		fmt.Fprintf(w, " MAX_ROWS = %d", part.MaxRows)
	}
	if part.MinRows > 0 {
		fmt.Fprintf(w, " MIN_ROWS = %d", part.MinRows)
	}
	w.comment(" COMMENT = ", part.Comment)
	w.WriteString(" ENGINE = InnoDB")
}

// listText is a partition's list of values. MySQL has NULL first where a function gives it.
func listText(t *schema.Table, part *schema.Partition) string {
	var first, list []string
	for _, tuple := range part.Values {
		text := tupleText(t, tuple)
		switch {
		case len(tuple) > 1:
			list = append(list, "("+text+")")
		case text == "NULL" && !t.Partitioning.OverColumns():
			first = append(first, text)
		default:
			list = append(list, text)
		}
	}
	return strings.Join(append(first, list...), ",")
}

func tupleText(t *schema.Table, tuple []schema.PartitionValue) string {
	var columns []int
	if t.Partitioning.OverColumns() {
		columns = t.KeyColumns(&t.Partitioning.PartitionRule)
	}
	var list []string
	for i, p := range tuple {
		v, err := p.Value()
		switch {
		case p.Max:
			list = append(list, "MAXVALUE")
		case err != nil || v.IsNull():
			list = append(list, "NULL")
		case columns == nil || t.Columns[columns[i]].Type.Class() == types.ClassInt:
			list = append(list, v.Text())
		default:
			list = append(list, quoteValue(v, &t.Columns[columns[i]].Type))
		}
	}
	return strings.Join(list, ",")
}

func eachPartition(s *virtual.Scan, o *virtual.Object) error {
	p, leaf, tablets := o.Desc.Partitioning, 0, o.Desc.ByLeaf()
	for i := range p.Partitions {
		part := &p.Partitions[i]
		for k := range max(len(part.Sub), 1) {
			null := types.Null
			head := []types.Value{
				types.Str(part.Name), null, virtual.Num(uint64(i + 1)), null, types.Str(methodText(&p.PartitionRule)), null, //nolint:gosec // an ordinal
				types.Str(ruleText(o.Desc, &p.PartitionRule)), null, null,
			}
			shown := part
			if len(part.Sub) > 0 {
				shown = &part.Sub[k]
				head[1], head[3] = types.Str(shown.Name), virtual.Num(uint64(k+1)) //nolint:gosec // an ordinal
				head[5], head[7] = types.Str(methodText(p.Sub)), types.Str(ruleText(o.Desc, p.Sub))
			}
			switch p.Method {
			case schema.PartitionByRange:
				head[8] = types.Str(tupleText(o.Desc, part.Values[0]))
			case schema.PartitionByList:
				head[8] = types.Str(listText(o.Desc, part))
			}
			one := *o.Desc
			one.Tablets, one.CreatedMicros = tablets[leaf], shown.CreatedMicros
			if err := partitionLine(s, o, &one, head, shown); err != nil {
				return err
			}
			leaf++
		}
	}
	return nil
}

// methodText is PARTITION_METHOD.
func methodText(r *schema.PartitionRule) string {
	text := r.Method.String()
	if r.OverColumns() && r.Method != schema.PartitionByKey {
		text += " COLUMNS"
	}
	if r.Linear {
		text = "LINEAR " + text
	}
	return text
}

// ruleText is PARTITION_EXPRESSION.
func ruleText(t *schema.Table, r *schema.PartitionRule) string {
	if r.Expr != "" {
		return r.Expr
	}
	return strings.Join(columnNames(t, r, mysqlerr.Quote), ",")
}

func partitionLine(s *virtual.Scan, o *virtual.Object, t *schema.Table, head []types.Value, part *schema.Partition) error {
	rows, bytes := s.DB().TableStats(t)
	average := uint64(0)
	if rows > 0 {
		average = bytes / rows
	}
	null, comment, group := types.Null, "", types.Null
	if part != nil {
		comment, group = part.Comment, types.Str("default")
	}
	line := append([]types.Value{types.Str(def), types.Str(o.DB), types.Str(o.Desc.Name)}, head...)
	return s.Row(append(line, virtual.Num(rows), virtual.Num(average), virtual.Num(bytes), virtual.Num(0), virtual.Num(0), virtual.Num(0),
		created(s, t), null, null, null, types.Str(comment), group, null)...)
}
