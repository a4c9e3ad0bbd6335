package partition

import (
	"bytes"
	"math/bits"
	"slices"
	"sort"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/rules"
	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Map leads from rows of a table to its partitions.
type Map struct {
	table    *schema.Table
	top, sub *level // sub is nil where partitions are not cut further
	uses     map[int]bool
	leaves   [][]schema.Tablet // nil: each leaf has one tablet
}

// level is one level of partitioning, prepared for work.
type level struct {
	rule    *schema.PartitionRule
	count   int
	expr    expr.Expr     // nil: over columns
	columns []int         // positions of the columns that decide: those of the rule, or those in expr
	types   []*types.Type // of a tuple's values
	bounds  [][]byte      // of RANGE: where each partition ends, in the order of keys
	places  map[string]int
	values  [][]byte // of LIST: the keys of places, in order
}

// env is the same for whoever evaluates a partitioning function.
var env = expr.Env{Mode: types.Mode{Loc: time.UTC}}

// Of prepares a table's partitioning; nil for none.
func Of(t *schema.Table) (*Map, error) {
	p := t.Partitioning
	if p == nil {
		return nil, nil
	}
	m := &Map{table: t, uses: map[int]bool{}}
	var err error
	if m.top, err = newLevel(t, &p.PartitionRule, p.Partitions); err != nil {
		return nil, err
	}
	if p.Sub != nil {
		if m.sub, err = newLevel(t, p.Sub, p.Partitions[0].Sub); err != nil {
			return nil, err
		}
	}
	for _, l := range m.levels() {
		for _, pos := range l.columns {
			m.uses[pos] = true
		}
	}
	if len(t.Tablets) > m.Count() {
		m.leaves = t.ByLeaf()
	}
	return m, nil
}

// Count is the number of leaves.
func (m *Map) Count() int {
	if m.sub == nil {
		return m.top.count
	}
	return m.top.count * m.sub.count
}

func (m *Map) levels() []*level {
	if m.sub == nil {
		return []*level{m.top}
	}
	return []*level{m.top, m.sub}
}

// Columns are the positions of the columns that decide about a row's partition, in order.
func (m *Map) Columns() []int {
	list := make([]int, 0, len(m.uses))
	for pos := range m.uses {
		list = append(list, pos)
	}
	slices.Sort(list)
	return list
}

// Locating are the positions of the columns that tell where a row of t is: those of the primary key, and those that decide about its
// partition, if it has any.
func (m *Map) Locating(t *schema.Table) (at []int) {
	for _, c := range t.Primary().Columns {
		at = append(at, c.Column)
	}
	if m == nil {
		return at
	}
	for _, pos := range m.Columns() {
		if !slices.Contains(at, pos) {
			at = append(at, pos)
		}
	}
	return at
}

// Uses tells whether the column at a position is among them.
func (m *Map) Uses(pos int) bool { return m != nil && m.uses[pos] }

func newLevel(t *schema.Table, r *schema.PartitionRule, parts []schema.Partition) (*level, error) {
	l := &level{rule: r, count: len(parts)}
	if err := l.bind(t); err != nil {
		return nil, err
	}
	switch r.Method {
	case schema.PartitionByRange:
		for i := range parts {
			b, err := l.encodeBound(parts[i].Values[0])
			if err != nil {
				return nil, err
			}
			l.bounds = append(l.bounds, b)
		}
	case schema.PartitionByList:
		l.places = map[string]int{}
		for i := range parts {
			for _, tuple := range parts[i].Values {
				b, err := l.encodeBound(tuple)
				if err != nil {
					return nil, err
				}
				l.places[string(b)] = i
				l.values = append(l.values, b)
			}
		}
	}
	return l, nil
}

func (l *level) bind(t *schema.Table) error {
	if l.rule.OverColumns() {
		l.columns = t.KeyColumns(l.rule)
		for _, pos := range l.columns {
			l.types = append(l.types, &t.Columns[pos].Type)
		}
		return nil
	}
	e, err := bind.Partitioning(t, l.rule.Expr)
	if err != nil {
		return err
	}
	uses := map[int]bool{}
	expr.Columns(e, uses)
	for pos := range t.Columns {
		if uses[pos] {
			l.columns = append(l.columns, pos)
		}
	}
	l.expr = e
	l.types = []*types.Type{IntegerOf(e)}
	return nil
}

// IntegerOf is the type of a partitioning function's values, and of the constants that they are compared with.
func IntegerOf(e expr.Expr) *types.Type {
	t := types.TypeInt
	if e.Type().Unsigned {
		t = types.TypeUint
	}
	return &t
}

// encodeBound puts a tuple in the order of keys; MAXVALUE is above all values.
func (l *level) encodeBound(tuple []schema.PartitionValue) ([]byte, error) {
	var b []byte
	for i, p := range tuple {
		if p.Max {
			return append(b, 0xff), nil
		}
		v, err := p.Value()
		if err != nil {
			return nil, err
		}
		b = keys.AppendValue(b, v, l.types[i], 0, false)
	}
	return b, nil
}

// Leaf gives the place of a row's partition among the table's leaves. The row is whole and in storage form. 1526.
func (m *Map) Leaf(row []types.Value) (int, error) {
	i, err := m.top.place(row)
	if err != nil || m.sub == nil {
		return i, err
	}
	k, err := m.sub.place(row)
	return i*m.sub.count + k, err
}

// Tablets are those of the leaf at a place.
func (m *Map) Tablets(leaf int) []schema.Tablet {
	if m.leaves == nil {
		return m.table.Tablets[leaf : leaf+1]
	}
	return m.leaves[leaf]
}

// Cut tells whether a leaf has several tablets.
func (m *Map) Cut() bool { return m.leaves != nil }

// place finds the row's partition among those of the level.
func (l *level) place(row []types.Value) (int, error) {
	tuple, err := l.tuple(row)
	if err != nil {
		return 0, err
	}
	return l.placeOf(tuple)
}

func (l *level) placeOf(tuple []types.Value) (int, error) {
	switch l.rule.Method {
	case schema.PartitionByHash:
		return l.remainder(hashed(tuple[0])), nil
	case schema.PartitionByKey:
		return l.remainder(uint64(l.keyHash(tuple))), nil
	}
	key := l.key(tuple)
	if l.rule.Method == schema.PartitionByList {
		if i, ok := l.places[string(key)]; ok {
			return i, nil
		}
		return 0, l.noPartition(tuple)
	}
	if i := l.rangeOf(key); i < l.count {
		return i, nil
	}
	return 0, l.noPartition(tuple)
}

// key puts a tuple in the order of keys.
func (l *level) key(tuple []types.Value) (key []byte) {
	for i, v := range tuple {
		key = keys.AppendValue(key, v, l.types[i], 0, false)
	}
	return key
}

// rangeOf is the first range that ends above a key; count for none.
func (l *level) rangeOf(key []byte) int {
	return sort.Search(l.count, func(i int) bool { return bytes.Compare(key, l.bounds[i]) < 0 })
}

func (l *level) noPartition(tuple []types.Value) error {
	what := "from column_list"
	if l.expr != nil {
		if what = "NULL"; !tuple[0].IsNull() {
			what = tuple[0].Text()
		}
	}
	return mysqlerr.New(mysqlerr.NoPartitionForValue, what)
}

// tuple is what decides: the function's value, or those of the columns.
func (l *level) tuple(row []types.Value) ([]types.Value, error) {
	if l.expr != nil {
		v, err := l.expr.Eval(&env, rules.LocalRow(row, &env.Mode))
		return []types.Value{v}, err
	}
	tuple := make([]types.Value, len(l.columns))
	for i, pos := range l.columns {
		tuple[i] = row[pos]
	}
	return tuple, nil
}

// hashed is what HASH makes of its function's value. NULL is MySQL's smallest integer.
func hashed(v types.Value) uint64 {
	switch {
	case v.IsNull():
		return 1 << 63
	case v.Kind() == types.KindUint:
		return v.Uint()
	}
	return uint64(v.Int()) //nolint:gosec // its bits
}

// remainder is the partition of a hash: |hash MOD count|, or what MySQL's LINEAR algorithm says.
func (l *level) remainder(h uint64) int {
	n := uint64(l.count) //nolint:gosec // a number of partitions
	if !l.rule.Linear {
		r := int64(h) % int64(n) //nolint:gosec // MySQL takes the bits as a signed number
		if r < 0 {
			r = -r
		}
		return int(r)
	}
	mask := uint64(1)<<bits.Len64(n-1) - 1
	if n == 1 {
		mask = 0
	}
	i := h & mask
	if i >= n {
		i = h & (mask >> 1)
	}
	return int(i) //nolint:gosec // below count
}

// keyHash is what KEY makes of the columns' values. Of integers it is MySQL's; of others it is made of the bytes by which keys tell
// them apart, for MySQL's follows from its collations' inner tables.
func (l *level) keyHash(tuple []types.Value) uint32 {
	h := hasher{1, 4}
	for i, v := range tuple {
		t := l.types[i]
		switch {
		case v.IsNull():
			h.a ^= h.a<<1 | 1
		case t.Class() == types.ClassInt:
			h.integer(v, t)
		default:
			h.bytes(keys.AppendValue(nil, v, t, 0, false))
		}
	}
	return uint32(h.a) //nolint:gosec // MySQL takes its low half
}

// hasher is MySQL's hash of bytes.
type hasher struct{ a, b uint64 }

func (h *hasher) bytes(list []byte) {
	for _, c := range list {
		h.add(c)
	}
}

func (h *hasher) add(c byte) {
	h.a ^= (h.a&63+h.b)*uint64(c) + h.a<<8
	h.b += 3
}

// integer hashes a number as MySQL does: its bytes in a row, taken as text of latin1_swedish_ci, which ends before its spaces.
func (h *hasher) integer(v types.Value, t *types.Type) {
	u := hashed(v)
	n := integerBytes(t.ID)
	list := make([]byte, n)
	for i := range list {
		list[i] = byte(u >> (8 * i)) //nolint:gosec // a byte of it
	}
	for n > 0 && list[n-1] == ' ' {
		n--
	}
	for _, c := range list[:n] {
		h.add(latin1Weight(c))
	}
}

func integerBytes(id byte) int {
	switch id {
	case mysql.TypeTiny, mysql.TypeYear:
		return 1
	case mysql.TypeShort:
		return 2
	case mysql.TypeInt24:
		return 3
	case mysql.TypeLong:
		return 4
	}
	return 8
}

// latin1Weight is a byte's place in the order of latin1_swedish_ci.
func latin1Weight(c byte) byte {
	switch {
	case c >= 'a' && c <= 'z':
		return c - 'a' + 'A'
	case c < 0xc0:
		return c
	}
	return swedish[c-0xc0]
}

var swedish = [64]byte{
	'A', 'A', 'A', 'A', '\\', '[', '\\', 'C', 'E', 'E', 'E', 'E', 'I', 'I', 'I', 'I',
	'D', 'N', 'O', 'O', 'O', 'O', ']', 0xd7, 0xd8, 'U', 'U', 'U', 'Y', 'Y', 0xde, 0xdf,
	'A', 'A', 'A', 'A', '\\', '[', '\\', 'C', 'E', 'E', 'E', 'E', 'I', 'I', 'I', 'I',
	'D', 'N', 'O', 'O', 'O', 'O', ']', 0xf7, 0xd8, 'U', 'U', 'U', 'Y', 'Y', 0xde, 0xff,
}
