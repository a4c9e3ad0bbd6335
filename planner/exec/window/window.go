package window

import (
	"context"

	"cloudsql/planner/exec"
	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
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
	Preceding                    // N rows before, or rows whose key is less by N
	CurrentRow
	Following // N rows after, or rows whose key is greater by N
	UnboundedFollowing
)

// Bound is one end of a frame.
type Bound struct {
	Kind BoundKind
	N    expr.Expr // Preceding, Following: a constant
	Unit string    // N is an interval of such units; "": a number
	// Of a frame without Rows: up to which key it reaches, over the row that the frame is of; and how a key (column 0)
	// compares with that (column 1).
	To            expr.Expr
	Before, After expr.Expr
}

// Frame is the rows that a window function looks at. Without Rows it goes by peers, rows that the order does not tell
// apart, or by the distance between the rows' keys.
type Frame struct {
	Rows       bool
	Start, End Bound
	Window     string // the window's name, for errors
	// Of a frame without Rows whose bounds have an N: the only key of the order.
	Key  expr.Expr
	Desc bool
}

// Func is one window function.
type Func struct {
	Name  string      // "row_number", "rank", …; "" for Agg
	Args  []expr.Expr // over the input row
	Agg   *expr.Agg
	Frame Frame
}

// Operator appends the results of window functions to rows that come ordered by partition and then by order. It keeps one
// partition at a time, on disk where it is large, and computes the functions row by row: each reads the rows that its frame
// reaches from the buffer.
type Operator struct {
	run       *exec.Run
	in        exec.Operator
	partition []expr.Expr
	colls     []collation.ID
	order     *spill.Order
	funcs     []Func

	batch   types.Batch
	at      int
	ended   bool
	part    *spill.RowBuffer // rows, with the values of the order's keys behind them where those are not plain columns
	width   int              // of rows of the input
	wide    []types.Value
	key     []byte
	nextKey []byte

	row     int // to be computed next
	peer    int // its first peer
	peerEnd int // one behind its last peer
	states  []state
	hold    memory.Hold // of states
	size    int
}

// state is what a function keeps from one row of a partition to the next.
type state struct {
	agg      expr.State // over the rows from one number up to another
	from, to int
	last     types.Value
	number   int     // an argument that is the same for all rows
	have     bool    // number
	dense    int     // groups of peers so far
	reached  [2]int  // RANGE with N: where the frame of the row before began and ended
	checked  [2]bool // N
}

// New computes funcs over in.
func New(run *exec.Run, in exec.Operator, partition []expr.Expr, order *spill.Order, funcs []Func) *Operator {
	w := &Operator{run: run, in: in, partition: partition, order: order, funcs: funcs, size: spill.FirstBatch,
		part: spill.NewRowBuffer(run.Room(), memory.Window), hold: run.RT.Memory.Hold(memory.Window), states: make([]state, len(funcs))}
	w.part.Most += 5 * len(funcs) // places that are read at the same time
	for _, p := range partition {
		w.colls = append(w.colls, p.Type().Collation)
	}
	return w
}

// Next gives rows of the present partition.
func (w *Operator) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if w.row >= w.part.Len() {
		ok, err := w.load(ctx)
		if err != nil || !ok {
			return false, err
		}
	}
	if err := spill.Canceled(ctx); err != nil {
		return false, err
	}
	b.Reset(w.width + len(w.funcs))
	for n, bytes := 0, 0; n < w.size && w.row < w.part.Len() && bytes < spill.MaxBatchBytes; n++ {
		start := len(b.Vals)
		if err := w.compute(ctx, b); err != nil {
			return false, err
		}
		for _, v := range b.Vals[start:] {
			bytes += len(v.Raw())
		}
		w.row++
	}
	w.size = min(w.size*4, spill.MaxBatch)
	return true, nil
}

// load stores the rows of the next partition.
func (w *Operator) load(ctx context.Context) (bool, error) {
	w.part.Close()
	w.hold.Close()
	clear(w.states)
	w.row, w.peer, w.peerEnd = 0, 0, 0
	for {
		if w.at >= w.batch.Len() {
			if w.ended {
				break
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
		if w.part.Len() > 0 && string(w.key) != string(w.nextKey) {
			break
		}
		w.key, w.nextKey = w.nextKey, w.key
		if err := w.add(row); err != nil {
			return false, err
		}
		w.at++
	}
	return w.part.Len() > 0, w.part.Finish()
}

// add stores a row.
func (w *Operator) add(row []types.Value) error {
	w.width = len(row)
	if w.order.Plain() {
		return w.part.Add(row)
	}
	w.wide = append(w.wide[:0], row...)
	var err error
	if w.wide, err = w.order.Eval(w.run.Env, row, w.wide); err != nil {
		return err
	}
	return w.part.Add(w.wide)
}

// compute appends the present row and what the functions give for it.
func (w *Operator) compute(ctx context.Context, b *types.Batch) error {
	row, err := w.part.At(w.row)
	if err != nil {
		return err
	}
	if w.row == w.peerEnd {
		if err := w.findPeers(row); err != nil {
			return err
		}
	}
	b.Vals = append(b.Vals, row[:w.width]...)
	for i := range w.funcs {
		f, s := &w.funcs[i], &w.states[i]
		var v types.Value
		if f.Agg != nil {
			v, err = w.aggregate(ctx, f, s)
		} else {
			v, err = w.function(f, s)
		}
		if err != nil {
			return err
		}
		b.Vals = append(b.Vals, v)
	}
	return nil
}

// findPeers looks how far the rows go that the order does not tell from row, the present one.
func (w *Operator) findPeers(row []types.Value) error {
	w.peer = w.row
	for w.peerEnd = w.row + 1; w.peerEnd < w.part.Len(); w.peerEnd++ {
		next, err := w.part.At(w.peerEnd)
		if err != nil {
			return err
		}
		c := 0
		if w.order.Plain() {
			c = w.order.CompareRows(row, next)
		} else {
			c = w.order.Compare(row[w.width:], next[w.width:])
		}
		if c != 0 {
			break
		}
	}
	return nil
}

// frame gives the rows from lo to hi, hi excluded, that the function sees at the present row.
func (w *Operator) frame(f *Func, s *state) (lo, hi int, err error) {
	n := w.part.Len()
	if lo, err = w.bound(f, s, &f.Frame.Start, false); err != nil {
		return 0, 0, err
	}
	if hi, err = w.bound(f, s, &f.Frame.End, true); err != nil {
		return 0, 0, err
	}
	lo, hi = max(lo, 0), min(hi, n)
	return min(lo, n), max(hi, min(lo, n)), nil
}

func (w *Operator) bound(f *Func, s *state, b *Bound, end bool) (int, error) {
	i, extra := w.row, 0
	if end {
		extra = 1
	}
	switch b.Kind {
	case UnboundedPreceding:
		return 0, nil
	case UnboundedFollowing:
		return w.part.Len(), nil
	case CurrentRow:
		switch {
		case f.Frame.Rows:
			return i + extra, nil
		case end:
			return w.peerEnd, nil
		}
		return w.peer, nil
	}
	if !f.Frame.Rows {
		return w.reach(f, s, b, extra)
	}
	k, err := w.number(b.N, f.Frame.Window)
	if err != nil {
		return 0, err
	}
	if b.Kind == Preceding {
		return i - k + extra, nil
	}
	return i + k + extra, nil
}

// reach finds the end of a frame that goes by the distance from the present row's key: the first row whose key is not before
// it, or with end 1 the first one behind it. From one row to the next it only moves on. A row without a key has its peers.
func (w *Operator) reach(f *Func, s *state, b *Bound, end int) (int, error) {
	key, err := w.eval(f.Frame.Key, w.row)
	if err != nil {
		return 0, err
	}
	if key.IsNull() {
		return [...]int{w.peer, w.peerEnd}[end], nil
	}
	if !s.checked[end] {
		if err := w.checkDistance(b, f.Frame.Window); err != nil {
			return 0, err
		}
		s.checked[end] = true
	}
	to, err := w.eval(b.To, w.row)
	if err != nil {
		return 0, err
	}
	pair := [2]types.Value{1: to.Clone()}
	at := &s.reached[end]
	if pair[1].IsNull() { // of a date 0, or beyond the calendar: the rows behind may reach less far
		once := *at
		at = &once
	}
	for ; *at < w.part.Len(); *at++ {
		if pair[0], err = w.eval(f.Frame.Key, *at); err != nil {
			return 0, err
		}
		if beyond, err := w.beyond(f, b, pair[:], end); err != nil || beyond {
			return *at, err
		}
	}
	return *at, nil
}

// beyond tells whether a key is not before what a frame reaches to, or with end 1 is behind it. NULLs come first, with Desc last.
func (w *Operator) beyond(f *Func, b *Bound, pair []types.Value, end int) (bool, error) {
	switch {
	case pair[0].IsNull():
		return f.Frame.Desc, nil
	case pair[1].IsNull(): // beyond what there can be
		return b.Kind == Preceding, nil
	}
	e := b.Before
	if end == 1 {
		e = b.After
	}
	v, err := e.Eval(w.run.Env, pair)
	if err != nil {
		return false, err
	}
	return (v.Int() != 0) == (end == 1), nil
}

// checkDistance refuses a distance between keys that is NULL or negative.
func (w *Operator) checkDistance(b *Bound, window string) error {
	v, err := b.N.Eval(w.run.Env, nil)
	if err == nil && (v.IsNull() || v.ToFloat(nil) < 0) {
		err = mysqlerr.New(mysqlerr.WindowFrameIllegal, window)
	}
	return err
}

// number evaluates a constant that counts rows: not NULL, not negative.
func (w *Operator) number(e expr.Expr, window string) (int, error) {
	v, err := e.Eval(w.run.Env, nil)
	if err != nil {
		return 0, err
	}
	if v.IsNull() {
		return 0, mysqlerr.New(mysqlerr.WindowFrameIllegal, window)
	}
	n, clipped := v.ToInt(nil)
	if n < 0 || clipped || n > 1<<40 {
		return 0, mysqlerr.New(mysqlerr.WindowFrameIllegal, window)
	}
	return int(n), nil
}

// aggregate runs an aggregate over the present row's frame. A frame that only grows is added to; others begin anew.
func (w *Operator) aggregate(ctx context.Context, f *Func, s *state) (types.Value, error) {
	lo, hi, err := w.frame(f, s)
	if err != nil {
		return types.Null, err
	}
	if s.agg == nil || lo != s.from || hi < s.to {
		s.agg = f.Agg.NewState()
		s.from, s.to = lo, lo
		if err := spill.Canceled(ctx); err != nil {
			return types.Null, err
		}
	} else if hi == s.to {
		return s.last, nil
	}
	for ; s.to < hi; s.to++ {
		row, err := w.part.At(s.to)
		if err == nil {
			err = s.agg.Add(w.run.Env, row)
		}
		if err != nil {
			return types.Null, err
		}
		if f.Agg.Grows() {
			if err := w.charge(); err != nil {
				return types.Null, err
			}
		}
	}
	v, err := s.agg.Result(w.run.Env)
	if err != nil {
		return types.Null, err
	}
	s.last = v.Clone()
	return s.last, nil
}

// charge accounts for the aggregates.
func (w *Operator) charge() error {
	bytes := 0
	for i := range w.states {
		if s := &w.states[i]; s.agg != nil {
			bytes += s.agg.Bytes() + len(s.last.Raw())
		}
	}
	return w.hold.Set(bytes)
}

// function gives what the present row gets of a function that is no aggregate.
func (w *Operator) function(f *Func, s *state) (types.Value, error) {
	switch f.Name {
	case "lag", "lead":
		return w.shift(f, s)
	case "first_value", "last_value", "nth_value":
		return w.pick(f, s)
	case "ntile":
		return w.ntile(f, s)
	}
	n := w.part.Len()
	if w.peer == w.row {
		s.dense++
	}
	switch f.Name {
	case "row_number":
		return types.Uint(uint64(w.row + 1)), nil
	case "rank":
		return types.Uint(uint64(w.peer + 1)), nil
	case "dense_rank":
		return types.Uint(uint64(s.dense)), nil
	case "percent_rank":
		if n > 1 {
			return types.Float(float64(w.peer) / float64(n-1)), nil
		}
		return types.Float(0), nil
	case "cume_dist":
		return types.Float(float64(w.peerEnd) / float64(n)), nil
	}
	return types.Null, nil
}

// fixed gives an argument that counts rows, evaluated once for a partition; def where the function has no such argument.
func (w *Operator) fixed(f *Func, s *state, arg, def int) (int, error) {
	if s.have {
		return s.number, nil
	}
	s.number, s.have = def, true
	if arg >= len(f.Args) {
		return def, nil
	}
	var err error
	s.number, err = w.number(f.Args[arg], f.Frame.Window)
	return s.number, err
}

// shift is LAG and LEAD: e, and optionally how far and what where there is no such row.
func (w *Operator) shift(f *Func, s *state) (types.Value, error) {
	by, err := w.fixed(f, s, 1, 1)
	if err != nil {
		return types.Null, err
	}
	at := w.row + by
	if f.Name == "lag" {
		at = w.row - by
	}
	switch {
	case at >= 0 && at < w.part.Len():
		return w.eval(f.Args[0], at)
	case len(f.Args) > 2:
		return w.eval(f.Args[2], w.row)
	}
	return types.Null, nil
}

// eval evaluates an expression over a row of the partition.
func (w *Operator) eval(e expr.Expr, at int) (types.Value, error) {
	row, err := w.part.At(at)
	if err != nil {
		return types.Null, err
	}
	return e.Eval(w.run.Env, row)
}

func (w *Operator) pick(f *Func, s *state) (types.Value, error) {
	nth := 1
	var err error
	if f.Name == "nth_value" {
		if nth, err = w.fixed(f, s, 1, 1); err != nil {
			return types.Null, err
		}
		if nth < 1 {
			return types.Null, mysqlerr.New(mysqlerr.WrongArguments, "nth_value")
		}
	}
	lo, hi, err := w.frame(f, s)
	if err != nil {
		return types.Null, err
	}
	at := lo + nth - 1
	if f.Name == "last_value" {
		at = hi - 1
	}
	if at < lo || at >= hi {
		return types.Null, nil
	}
	return w.eval(f.Args[0], at)
}

// ntile deals the rows into so many buckets, the first ones larger by one where it does not come out even.
func (w *Operator) ntile(f *Func, s *state) (types.Value, error) {
	buckets, err := w.fixed(f, s, 0, 0)
	if err != nil || buckets == 0 {
		return types.Null, mysqlerr.New(mysqlerr.WrongArguments, "ntile")
	}
	n := w.part.Len()
	small, larger := n/buckets, n%buckets
	b := 0
	if w.row < larger*(small+1) {
		b = w.row / (small + 1)
	} else {
		b = larger + (w.row-larger*(small+1))/max(small, 1)
	}
	return types.Uint(uint64(b + 1)), nil
}

// Close releases the partition and the input.
func (w *Operator) Close() {
	w.in.Close()
	w.part.Close()
	w.hold.Close()
}
