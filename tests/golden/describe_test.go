package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	"cloudsql/storage/wire"
)

// describe decodes a sample and gives what it means and what it is encoded as again.
func (s *samples) describe(l *line) (meaning string, again []byte, err error) {
	var rest []byte
	d := wire.NewReader(l.data)
	switch l.kind {
	case "value":
		var v types.Value
		if v, rest, err = types.DecodeValue(l.data); err == nil {
			meaning, again = describeValue(v), types.AppendValue(nil, v)
		}
	case "type":
		var t types.Type
		if t, rest, err = types.DecodeType(l.data); err == nil {
			meaning, again = describeType(&t), types.AppendType(nil, &t)
		}
	case "row":
		meaning, again, err = describeRow(l.data)
	case "key":
		again, err = keyAgain(l.name)
	case "expr":
		var e expr.Expr
		if e, rest, err = expr.Decode(l.data); err == nil {
			meaning = e.String() + " " + describeType(e.Type())
			again, err = s.encodeExpr(e, nil)
		}
	case "agg":
		var a *expr.Agg
		if a, rest, err = expr.DecodeAgg(l.data); err == nil {
			meaning = fmt.Sprintf("%s %v %s %s", a.Name, a.Distinct, describeExprs(a.Args), describeType(&a.Typ))
			again, err = s.encodeAgg(a, nil)
		}
	case "read":
		var r *fragment.Read
		if r, rest, err = fragment.DecodeRead(l.data); err == nil {
			meaning = describeRead(r)
			again, err = s.encodeRead(r)
		}
	case "write":
		var w *fragment.Write
		if w, rest, err = fragment.DecodeWrite(l.data); err == nil {
			meaning = describeWrite(w)
			again, err = s.encodeWrite(w)
		}
	case "result":
		r := fragment.ReadWriteResult(d)
		err, again = d.End(), fragment.AppendWriteResult(nil, &r)
		meaning = fmt.Sprint(r.Matched, r.Changed, r.Affected, r.Duplicates, r.FirstAutoInc, r.LastUpdated, describeWarnings(r.Warnings), r.Err)
	case "page":
		var p fragment.Page
		fragment.ReadPage(d, &p)
		err, again, meaning = d.End(), fragment.AppendPage(nil, &p), fmt.Sprintf("%s %x %x", describeBatch(&p.Batch), p.Keys, p.Next)
	case "catalog":
		again, err = catalogAgain(l.name, l.data)
		meaning = string(l.data)
	case "log":
		meaning, again, err = s.describeEntry(l.data)
	default:
		err = errors.New("unknown kind")
	}
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes left", len(rest))
	}
	return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(meaning), again, err
}

func describeValue(v types.Value) string { return fmt.Sprintf("%d:%q", v.Kind(), v.Text()) }

func describeType(t *types.Type) string {
	return fmt.Sprint(t.ID, t.Unsigned, t.Zerofill, t.Length, t.Decimals, t.Collation, t.Elems)
}

func describeBatch(b *types.Batch) string {
	var out []string
	for _, v := range b.Vals {
		out = append(out, describeValue(v))
	}
	return strconv.Itoa(b.Width) + "[" + strings.Join(out, " ") + "]"
}

func describeExprs(es []expr.Expr) string {
	var out []string
	for _, e := range es {
		out = append(out, e.String())
	}
	return "(" + strings.Join(out, "; ") + ")"
}

func describeEnv(e *expr.Env) string {
	if e == nil {
		return "none"
	}
	return fmt.Sprint(e.Mode.Strict, e.Mode.NoZeroDate, e.Mode.NoZeroInDate, e.Mode.Today, e.Mode.Loc, e.InDML, e.Now.Format(time.RFC3339Nano))
}

func describeRead(r *fragment.Read) string {
	out := fmt.Sprintf("tablet %d schema %d index %d keys %x nil %v spans %x reverse %v columns %d withkeys %v limit %d env %s project %s", r.Tablet, r.SchemaVersion,
		r.Index, r.Keys, r.Keys == nil, r.Spans, r.Reverse, r.Columns, r.WithKeys, r.Limit, describeEnv(r.Env), describeExprs(r.Project))
	if r.Filter != nil {
		out += " filter " + r.Filter.String()
	}
	if r.Agg != nil {
		out += " group " + describeExprs(r.Agg.GroupBy) + " " + r.Agg.Aggs[0].Name
	}
	for _, k := range r.Order {
		out += fmt.Sprintf(" order %s %v", k.Expr, k.Desc)
	}
	return out
}

func describeWarnings(list []fragment.Warning) []string {
	var out []string
	for _, w := range list {
		text := fmt.Sprintf("{%s %d %s", w.Level, w.Code, w.Message)
		if w.Row > 0 {
			text += fmt.Sprintf(" of row %d", w.Row)
		}
		out = append(out, text+"}")
	}
	return out
}

func describeWrite(w *fragment.Write) string {
	out := fmt.Sprintf("kind %d tablet %d schema %d columns %d rows %s auto %v %d keys %x env %s first %d", w.Kind, w.Tablet, w.SchemaVersion, w.Columns,
		describeBatch(&w.Rows), w.AutoInc, w.Generated, w.Keys, describeEnv(w.Env), w.FirstRow)
	if w.Where != nil {
		out += " where " + w.Where.String()
	}
	for _, a := range w.Set {
		out += fmt.Sprintf(" set %d = %s %v", a.Column, a.Expr, a.OnlyIfChanged)
	}
	return out
}

func describeRow(data []byte) (string, []byte, error) {
	t := columnsTable()
	vals := make([]types.Value, len(t.Columns))
	if err := row.NewDecoder(t, t.ColumnIDs()).Decode(data, vals, nil); err != nil {
		return "", nil, err
	}
	return describeBatch(&types.Batch{Width: len(vals), Vals: vals}), row.Encode(nil, t, vals), nil
}

// keyAgain makes the key that a name tells; keys are not always decoded to what they were made of.
func keyAgain(name string) ([]byte, error) {
	number, index, _ := strings.Cut(name, "/")
	i, err := strconv.Atoi(number)
	if err != nil {
		return nil, err
	}
	t, r := columnsTable(), columnRows()[i]
	primary := keys.AppendPrimary(nil, t, r)
	if index == "primary" {
		return primary, nil
	}
	k, v, _ := keys.AppendIndex(nil, t, t.IndexByName(index), r, primary)
	return append(k, v...), nil
}

// catalogAgain reads a record into a catalog and puts it again.
func catalogAgain(name string, value []byte) ([]byte, error) {
	c, err := catalog.Empty().Apply(1, []shard.SystemSet{{Key: name, Value: value}})
	if err != nil {
		return nil, err
	}
	tx := c.Begin()
	switch strings.Split(name, "/")[1] {
	case "version", "next", "commit", "scope":
		return value, nil
	case "db":
		tx.PutDatabase(c.Databases()[0])
	case "table":
		id, err := strconv.ParseUint(strings.TrimPrefix(name, "c/table/"), 10, 64)
		if err != nil {
			return nil, err
		}
		tb, ok := c.TableByID(schema.TableID(id))
		if !ok {
			return nil, errors.New("the table is not found")
		}
		tx.PutTable(tb)
	case "stats":
		id, err := strconv.ParseUint(strings.TrimPrefix(name, "c/stats/"), 10, 64)
		if err != nil {
			return nil, err
		}
		tx.PutStatistics(schema.TableID(id), c.Statistics(schema.TableID(id)))
	case "move":
		tx.PutMove(catalog.Moves(c)[0])
	case "user":
		tx.PutUser(c.Users()[0])
	case "node":
		tx.PutNode(c.Nodes()[0])
	case "shard":
		tx.PutShard(c.Shards()[0])
	case "set":
		v, _ := c.Setting(strings.TrimPrefix(name, "c/set/"))
		tx.PutSetting(strings.TrimPrefix(name, "c/set/"), v)
	case "rec":
		var v json.RawMessage
		kind, key, _ := strings.Cut(strings.TrimPrefix(name, "c/rec/"), "/")
		c.Record(kind, key, &v)
		tx.PutRecord(kind, key, v)
	}
	for _, s := range tx.Command(1, 1).Sets {
		if s.Key == name {
			return s.Value, nil
		}
	}
	return nil, errors.New("the record was not put again")
}

func (s *samples) describeEntry(data []byte) (meaning string, again []byte, err error) {
	kind, c, err := shard.Decode(bytes.Clone(data))
	if err != nil {
		return "", nil, err
	}
	switch c := c.(type) {
	case *shard.Batch:
		meaning = fmt.Sprintf("batch %d %d %d %d", c.ID, c.Proposer, c.Epoch, c.Closed)
		for i := range c.Proposals {
			p := &c.Proposals[i]
			meaning += fmt.Sprintf(" [%d %x %d participants %d piece %d at %d forget %x", p.Kind, p.Txn, p.TS, p.Participants, p.Piece, p.CommitTS, p.Forget)
			for _, w := range p.Writes {
				meaning += " {" + describeWrite(w) + "}"
			}
			for _, e := range p.Effects {
				meaning += fmt.Sprintf(" <%d %d %x %d %x>", e.Op, e.Tablet, e.Key, e.Expect, e.Row)
			}
			for _, r := range p.Ranges {
				meaning += fmt.Sprintf(" (%d %d %x %x %v)", r.Tablet, r.Index, r.Start, r.End, r.End == nil)
			}
			meaning += "]"
		}
		again = s.encodeBatch(c)
	case *shard.LeaseCommand:
		meaning = fmt.Sprint("lease ", c.Prev, c.Epoch, c.Holder, c.Duration, c.Serial, c.Nonce)
		again = shard.EncodeLease(nil, c)
	case *shard.TabletCommand:
		meaning = fmt.Sprintf("tablet %d %s", c.Tablet, c.Table.Name)
		again, err = shard.EncodeTablet(nil, c)
	case *shard.WatermarkCommand:
		meaning = fmt.Sprint("watermark ", uint64(c.Watermark), uint64(c.Closed))
		again = shard.EncodeWatermark(nil, c)
	case *shard.SystemCommand:
		meaning = fmt.Sprintf("system %d %v %q", c.ID, c.Expect, c.Sets)
		again = shard.EncodeSystem(nil, c)
	case *shard.MoveCommand:
		meaning = fmt.Sprint("move ", c.Op, c.ID, c.Epoch, c.Tablet, c.Attempt, c.Table != nil, c.Since, c.Rows, c.AutoInc, uint64(c.Newest), uint64(c.Begins)) +
			fmt.Sprintf(" %x", c.Versions)
		again, err = shard.EncodeMove(nil, c)
	default:
		err = fmt.Errorf("kind %d", kind)
	}
	return meaning, again, err
}
