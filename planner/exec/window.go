package exec

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// BoundKind is one end of a window's frame.
type BoundKind uint8

// The kinds, in order of where they can lie.
const (
	UnboundedPreceding BoundKind = iota
	Preceding                    // N rows before
	CurrentRow
	Following // N rows after
	UnboundedFollowing
)

// Bound is one end of a frame.
type Bound struct {
	Kind BoundKind
	N    expr.Expr // Preceding, Following: a constant
}

// Frame is the rows that a window function looks at. Without Rows it goes by peers: rows that the order does not tell
// apart.
type Frame struct {
	Rows       bool
	Start, End Bound
}

// WindowFunc is one window function.
type WindowFunc struct {
	Name  string      // "row_number", "rank", …; "" for Agg
	Args  []expr.Expr // over the input row
	Agg   *expr.Agg
	Frame Frame
}

// Window appends the results of window functions to rows that come ordered by partition and then by order. It holds one
// partition at a time.
type Window struct {
	run       *Run
	in        Operator
	partition []expr.Expr
	colls     []types.Collation
	order     *Order
	funcs     []WindowFunc

	batch   types.Batch
	at      int
	ended   bool
	part    *rowStore
	hold    memory.Hold // of what is computed beside the partition's rows
	key     []byte
	nextKey []byte
	orders  [][]types.Value // values of the order's keys for each row of the partition
	peerEnd []int           // for each row: one behind its last peer
	peer    []int           // for each row: its first peer
	results [][]types.Value // by function
	emitAt  int
	size    int
}

// NewWindow computes funcs over in.
func NewWindow(run *Run, in Operator, partition []expr.Expr, order *Order, funcs []WindowFunc) *Window {
	w := &Window{run: run, in: in, partition: partition, order: order, funcs: funcs, size: firstBatch,
		part: newRowStore(run, memory.Window), hold: run.RT.Memory.Hold(memory.Window)}
	for _, p := range partition {
		w.colls = append(w.colls, p.Type().Collation)
	}
	w.results = make([][]types.Value, len(funcs))
	return w
}

// Next gives rows of the present partition.
func (w *Window) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if w.emitAt >= len(w.part.rows) {
		ok, err := w.load(ctx)
		if err != nil || !ok {
			return false, err
		}
		if err := w.compute(ctx); err != nil {
			return false, err
		}
		w.emitAt = 0
	}
	b.Reset(len(w.part.rows[0]) + len(w.funcs))
	for n := 0; n < w.size && w.emitAt < len(w.part.rows); n++ {
		b.Vals = append(b.Vals, w.part.rows[w.emitAt]...)
		for i := range w.funcs {
			b.Vals = append(b.Vals, w.results[i][w.emitAt])
		}
		w.emitAt++
	}
	w.size = min(w.size*4, maxBatch)
	return true, nil
}

// load stores the rows of the next partition.
func (w *Window) load(ctx context.Context) (bool, error) {
	w.part.reset()
	w.hold.Close()
	w.orders = w.orders[:0]
	for {
		if w.at >= w.batch.Len() {
			if w.ended {
				return len(w.part.rows) > 0, nil
			}
			ok, err := w.in.Next(ctx, &w.batch)
			if err != nil {
				return false, err
			}
			w.at = 0
			if !ok {
				w.ended = true
				w.batch.Reset(1)
				continue
			}
		}
		row := w.batch.Row(w.at)
		w.nextKey = w.nextKey[:0]
		for i, p := range w.partition {
			v, err := p.Eval(w.run.Env, row)
			if err != nil {
				return false, err
			}
			w.nextKey = types.HashKey(w.nextKey, v, w.colls[i])
		}
		if len(w.part.rows) > 0 && string(w.key) != string(w.nextKey) {
			return true, nil
		}
		w.key, w.nextKey = w.nextKey, w.key
		kept, err := w.part.keep(row)
		if err != nil {
			return false, err
		}
		w.at++
		keys, err := w.order.eval(w.run.Env, kept, nil)
		if err != nil {
			return false, err
		}
		if err := w.hold.Grow(rowBytes(keys) + 2*wordBytes + len(w.funcs)*valueBytes); err != nil {
			return false, err
		}
		w.orders = append(w.orders, keys)
	}
}

// compute finds the peers and runs every function over the partition.
func (w *Window) compute(ctx context.Context) error {
	n := len(w.part.rows)
	w.peer, w.peerEnd = resizeInts(w.peer, n), resizeInts(w.peerEnd, n)
	for i := 0; i < n; {
		end := i + 1
		for end < n && w.order.compare(w.orders[i], w.orders[end]) == 0 {
			end++
		}
		for k := i; k < end; k++ {
			w.peer[k], w.peerEnd[k] = i, end
		}
		i = end
	}
	for i := range w.funcs {
		f := &w.funcs[i]
		var err error
		w.results[i] = w.results[i][:0]
		if f.Agg != nil {
			err = w.aggregate(ctx, i, f)
		} else {
			err = w.function(i, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func resizeInts(s []int, n int) []int {
	if cap(s) < n {
		return make([]int, n)
	}
	return s[:n]
}

// frame gives the rows from lo to hi, hi excluded, that the function sees at row i.
func (w *Window) frame(f *WindowFunc, i int) (lo, hi int, err error) {
	n := len(w.part.rows)
	if lo, err = w.bound(f, &f.Frame.Start, i, false); err != nil {
		return 0, 0, err
	}
	if hi, err = w.bound(f, &f.Frame.End, i, true); err != nil {
		return 0, 0, err
	}
	lo, hi = max(lo, 0), min(hi, n)
	return min(lo, n), max(hi, min(lo, n)), nil
}

func (w *Window) bound(f *WindowFunc, b *Bound, i int, end bool) (int, error) {
	extra := 0
	if end {
		extra = 1
	}
	switch b.Kind {
	case UnboundedPreceding:
		return 0, nil
	case UnboundedFollowing:
		return len(w.part.rows), nil
	case CurrentRow:
		switch {
		case f.Frame.Rows:
			return i + extra, nil
		case end:
			return w.peerEnd[i], nil
		}
		return w.peer[i], nil
	}
	k, err := w.number(b.N)
	if err != nil {
		return 0, err
	}
	if b.Kind == Preceding {
		return i - k + extra, nil
	}
	return i + k + extra, nil
}

// number evaluates a constant that counts rows: not NULL, not negative.
func (w *Window) number(e expr.Expr) (int, error) {
	v, err := e.Eval(w.run.Env, nil)
	if err != nil {
		return 0, err
	}
	if v.IsNull() {
		return 0, mysqlerr.New(mysql.ErrWindowFrameIllegal, "<unnamed window>")
	}
	n, clipped := v.ToInt(nil)
	if n < 0 || clipped || n > 1<<40 {
		return 0, mysqlerr.New(mysql.ErrWindowFrameIllegal, "<unnamed window>")
	}
	return int(n), nil
}

// aggregate runs an aggregate over each row's frame. A frame that only grows is added to; others begin anew.
func (w *Window) aggregate(ctx context.Context, i int, f *WindowFunc) error {
	var state expr.State
	from, to := 0, 0
	var last types.Value
	for r := range w.part.rows {
		lo, hi, err := w.frame(f, r)
		if err != nil {
			return err
		}
		if state == nil || lo != from || hi < to {
			state = f.Agg.NewState()
			from, to = lo, lo
			if err := canceled(ctx); err != nil {
				return err
			}
		} else if hi == to {
			w.results[i] = append(w.results[i], last)
			continue
		}
		for ; to < hi; to++ {
			if err := state.Add(w.run.Env, w.part.rows[to]); err != nil {
				return err
			}
		}
		if last, err = state.Result(w.run.Env); err != nil {
			return err
		}
		last = last.Clone()
		if err := w.hold.Grow(len(last.Raw())); err != nil {
			return err
		}
		w.results[i] = append(w.results[i], last)
	}
	return nil
}

func (w *Window) function(i int, f *WindowFunc) error {
	switch f.Name {
	case "lag", "lead":
		return w.shift(i, f)
	case "first_value", "last_value", "nth_value":
		return w.pick(i, f)
	case "ntile":
		return w.ntile(i, f)
	}
	n := len(w.part.rows)
	dense := 0
	for r := range n {
		if w.peer[r] == r {
			dense++
		}
		var v types.Value
		switch f.Name {
		case "row_number":
			v = types.Uint(uint64(r + 1))
		case "rank":
			v = types.Uint(uint64(w.peer[r] + 1))
		case "dense_rank":
			v = types.Uint(uint64(dense))
		case "percent_rank":
			v = types.Float(0)
			if n > 1 {
				v = types.Float(float64(w.peer[r]) / float64(n-1))
			}
		case "cume_dist":
			v = types.Float(float64(w.peerEnd[r]) / float64(n))
		}
		w.results[i] = append(w.results[i], v)
	}
	return nil
}

// shift is LAG and LEAD: e, and optionally how far and what where there is no such row.
func (w *Window) shift(i int, f *WindowFunc) error {
	by := 1
	if len(f.Args) > 1 {
		var err error
		if by, err = w.number(f.Args[1]); err != nil {
			return err
		}
	}
	if f.Name == "lag" {
		by = -by
	}
	for r := range w.part.rows {
		at := r + by
		var v types.Value
		var err error
		switch {
		case at >= 0 && at < len(w.part.rows):
			v, err = f.Args[0].Eval(w.run.Env, w.part.rows[at])
		case len(f.Args) > 2:
			v, err = f.Args[2].Eval(w.run.Env, w.part.rows[r])
		}
		if err == nil {
			err = w.hold.Grow(len(v.Raw()))
		}
		if err != nil {
			return err
		}
		w.results[i] = append(w.results[i], v)
	}
	return nil
}

func (w *Window) pick(i int, f *WindowFunc) error {
	nth := 1
	if f.Name == "nth_value" {
		var err error
		if nth, err = w.number(f.Args[1]); err != nil {
			return err
		}
	}
	for r := range w.part.rows {
		lo, hi, err := w.frame(f, r)
		if err != nil {
			return err
		}
		at := lo + nth - 1
		if f.Name == "last_value" {
			at = hi - 1
		}
		v := types.Null
		if at >= lo && at < hi {
			if v, err = f.Args[0].Eval(w.run.Env, w.part.rows[at]); err == nil {
				err = w.hold.Grow(len(v.Raw()))
			}
			if err != nil {
				return err
			}
		}
		w.results[i] = append(w.results[i], v)
	}
	return nil
}

// ntile deals the rows into so many buckets, the first ones larger by one where it does not come out even.
func (w *Window) ntile(i int, f *WindowFunc) error {
	buckets, err := w.number(f.Args[0])
	if err != nil || buckets == 0 {
		return mysqlerr.New(mysql.ErrWrongArguments, "ntile")
	}
	n := len(w.part.rows)
	small, larger := n/buckets, n%buckets
	for r := range n {
		b := 0
		if r < larger*(small+1) {
			b = r / (small + 1)
		} else {
			b = larger + (r-larger*(small+1))/max(small, 1)
		}
		w.results[i] = append(w.results[i], types.Uint(uint64(b+1)))
	}
	return nil
}

// Close releases the partition and the input.
func (w *Window) Close() {
	w.in.Close()
	w.part.reset()
	w.hold.Close()
}
