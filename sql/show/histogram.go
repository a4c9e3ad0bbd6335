package show

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
	"cloudsql/storage/types"
)

// infoColumnStatistics lists the histograms that clients asked for (ANALYZE TABLE … UPDATE HISTOGRAM), as MySQL does; the planner's
// own are not shown.
func infoColumnStatistics(s *virtual.Scan) error {
	return s.EachTable("schema_name", "table_name", func(o *virtual.Object) error {
		known := s.Catalog().Statistics(o.Desc.ID)
		if o.Made != nil || known == nil {
			return nil
		}
		for i := range o.Desc.Columns {
			c := known.Column(o.Desc.Columns[i].ID)
			if c == nil || c.Specified == 0 {
				continue
			}
			text, err := histogramJSON(&o.Desc.Columns[i], c)
			if err != nil {
				return err
			}
			value, err := types.ParseJSON(text)
			if err != nil {
				return err
			}
			if err := s.Row(types.Str(o.DB), types.Str(o.Desc.Name), types.Str(o.Desc.Columns[i].Name), value); err != nil {
				return err
			}
		}
		return nil
	})
}

// histogramJSON is a histogram as MySQL 8.0 stores it.
func histogramJSON(col *schema.Column, c *statistics.Column) ([]byte, error) {
	h := c.Histogram
	if h == nil { // there were no values
		h = &statistics.Histogram{Singleton: true}
	}
	buckets := [][]any{}
	for i := range h.Buckets {
		b := &h.Buckets[i]
		if h.Singleton {
			buckets = append(buckets, []any{boundJSON(col, b.High.Value), jsonFloat(b.Upto)})
			continue
		}
		buckets = append(buckets, []any{boundJSON(col, b.Low.Value), boundJSON(col, b.High.Value), jsonFloat(b.Upto),
			max(1, int64(b.Distinct))})
	}
	kind := "equi-height"
	if h.Singleton {
		kind = "singleton"
	}
	coll := collation.Binary
	if col.Type.Class() == types.ClassString {
		coll = col.Type.Collation
	}
	return json.Marshal(map[string]any{
		"buckets": buckets, "data-type": histogramType(&col.Type), "null-values": jsonFloat(c.Nulls),
		"collation-id":  uint16(coll),
		"last-updated":  time.UnixMicro(c.Micros).UTC().Format("2006-01-02 15:04:05.000000"),
		"sampling-rate": jsonFloat(c.Sampling), "histogram-type": kind, "number-of-buckets-specified": c.Specified,
	})
}

func histogramType(t *types.Type) string {
	switch t.Class() {
	case types.ClassInt:
		if t.Unsigned {
			return "uint"
		}
		return "int"
	case types.ClassFloat:
		return "double"
	case types.ClassDecimal:
		return "decimal"
	case types.ClassDate:
		return "date"
	case types.ClassDatetime:
		return "datetime"
	case types.ClassTime:
		return "time"
	case types.ClassEnum:
		return "enum"
	case types.ClassSet:
		return "set"
	case types.ClassBit:
		return "uint"
	}
	return "string"
}

// boundJSON is a value of a column: strings as MySQL's JSON has binary ones, times with all their digits.
func boundJSON(col *schema.Column, v types.Value) any {
	switch v.Kind() {
	case types.KindInt:
		return v.Int()
	case types.KindUint, types.KindEnum, types.KindSet, types.KindBit:
		return v.Uint()
	case types.KindFloat:
		return v.Float()
	case types.KindDecimal:
		return json.Number(v.Text())
	case types.KindString, types.KindBytes:
		return "base64:type254:" + base64.StdEncoding.EncodeToString(v.Raw())
	case types.KindDatetime, types.KindTime:
		long := col.Type
		long.Decimals = 6
		return string(v.AppendText(nil, &long))
	case types.KindTimestamp:
		return time.UnixMicro(v.Int()).UTC().Format("2006-01-02 15:04:05.000000")
	}
	return v.Text()
}

// cardinality is how many different values the columns of an index have together, up to position pos; NULL where nobody
// knows.
func cardinality(c virtual.Context, o *virtual.Object, ix *schema.Index, pos int) types.Value {
	rows, _ := c.DB().TableStats(o.Desc)
	if ix.IsUnique() && pos == len(ix.Columns)-1 {
		return virtual.Num(rows)
	}
	known := c.Catalog().Statistics(o.Desc.ID)
	i := known.Index(ix.ID)
	if i == nil || pos >= len(i.Distinct) || i.Distinct[pos] == 0 {
		return types.Null
	}
	if rows == 0 {
		rows = known.Rows
	}
	return virtual.Num(uint64(known.Distinct(i.Distinct[pos], float64(rows))))
}

// rowsOf is how many rows a table has, about: what leaseholders last said, else what was found when they were looked at.
func rowsOf(c virtual.Context, t *schema.Table) (rows, bytes uint64) {
	rows, bytes = c.DB().TableStats(t)
	if known := c.Catalog().Statistics(t.ID); rows == 0 && bytes == 0 && known != nil {
		rows = known.Rows
	}
	return rows, bytes
}

// jsonFloat keeps a share from being written as an integer, which JSON_TYPE would tell apart.
type jsonFloat float64

// MarshalJSON implements json.Marshaler.
func (f jsonFloat) MarshalJSON() ([]byte, error) {
	text := strconv.AppendFloat(nil, float64(f), 'f', -1, 64)
	if f == jsonFloat(int64(f)) {
		text = append(text, ".0"...)
	}
	return text, nil
}
