package shard

import (
	"sync"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// readPlan is what a read fragment's columns need of its index, worked out once for a descriptor.
type readPlan struct {
	layout  *layout // the descriptor that the fragment was planned with
	index   *schema.Index
	columns []schema.ColumnID
	decoder *row.Decoder
	// cover says, for a secondary index that holds all columns, where each one is: a position in the index's columns or,
	// from len(index.Columns) on, in the primary key's. nil: the row must be looked up.
	cover []int
}

// planCache keeps the read plans of a descriptor; planners ask for the same few again and again.
type planCache struct {
	mu    sync.RWMutex
	plans map[planKey][]*readPlan
	size  int
}

type planKey struct {
	index   schema.IndexID
	columns uint64 // hash
}

// maxPlans bounds the cache of one descriptor; beyond it everything is worked out anew.
const maxPlans = 256

func (c *planCache) find(l *layout, r *fragment.Read) (*readPlan, error) {
	key := planKey{index: r.Index, columns: 14695981039346656037}
	for _, id := range r.Columns {
		key.columns = (key.columns ^ uint64(id)) * 1099511628211
	}
	c.mu.RLock()
	p := match(c.plans[key], r.Columns)
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := newReadPlan(l, r)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plans == nil || c.size >= maxPlans {
		c.plans, c.size = map[planKey][]*readPlan{}, 0
	}
	c.plans[key] = append(c.plans[key], p)
	c.size++
	return p, nil
}

func match(plans []*readPlan, columns []schema.ColumnID) *readPlan {
	for _, p := range plans {
		if len(p.columns) != len(columns) {
			continue
		}
		same := true
		for i := range columns {
			same = same && p.columns[i] == columns[i]
		}
		if same {
			return p
		}
	}
	return nil
}

func newReadPlan(l *layout, r *fragment.Read) (*readPlan, error) {
	ix := l.table.IndexByID(r.Index)
	if ix == nil || ix.State != schema.Public {
		return nil, ErrSchemaChanged
	}
	columns := append([]schema.ColumnID(nil), r.Columns...)
	p := &readPlan{layout: l, index: ix, columns: columns, decoder: row.NewDecoder(l.table, columns)}
	if ix.ID != schema.PrimaryIndex {
		p.cover = coverage(l, ix, columns)
	}
	return p, nil
}

// uncover reads the columns of a covering index into row. scratch is for the keys' columns.
func (p *readPlan) uncover(scratch, row []types.Value, entry, primary []byte, loc *time.Location) (_ []types.Value, err error) {
	table := p.layout.table
	if scratch, _, err = keys.DecodeColumns(scratch, table, p.index, entry); err != nil {
		return scratch, err
	}
	if scratch, _, err = keys.DecodeColumns(scratch, table, table.Primary(), primary); err != nil {
		return scratch, err
	}
	for i, from := range p.cover {
		row[i] = types.ToLocal(scratch[from], loc)
	}
	return scratch, nil
}

// coverage finds each column in the index or the primary key; nil if one is in neither or cannot be read back.
func coverage(l *layout, ix *schema.Index, columns []schema.ColumnID) []int {
	cover := make([]int, len(columns))
	for i, id := range columns {
		pos := l.table.ColumnByID(id)
		if pos < 0 {
			return nil
		}
		cover[i] = columnIn(l, ix, pos)
		if cover[i] < 0 {
			if cover[i] = columnIn(l, l.primary, pos); cover[i] < 0 {
				return nil
			}
			cover[i] += len(ix.Columns)
		}
	}
	return cover
}

func columnIn(l *layout, ix *schema.Index, pos int) int {
	for i := range ix.Columns {
		c := &ix.Columns[i]
		if c.Column == pos && keys.Invertible(&l.table.Columns[pos].Type, c.Prefix) {
			return i
		}
	}
	return -1
}
