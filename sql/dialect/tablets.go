package dialect

import "strconv"

// readTablets reads what only this program has of ALTER TABLE t: MOVE TABLET, SPLIT and MERGE TABLETS, SET COLUMNAR REPLICA.
func readTablets(st statement) Statement {
	w := st.words
	w.take("table")
	table, ok := w.tableName()
	if !ok {
		return nil
	}
	switch {
	case w.take("move", "tablet"):
		return readMove(w, MoveTablet{Table: table})
	case w.take("split"):
		return readSplit(st, st.all(w), SplitTablet{Table: table})
	case w.take("merge", "tablets"):
		return readMerge(st.all(w), MergeTablets{Table: table})
	case w.take("set", "columnar", "replica"):
		n, ok := w.number()
		if !ok || len(w) > 0 {
			return nil
		}
		return SetColumnar{Table: table, Replicas: n}
	}
	return nil
}

// all is w, which is left of the statement's words, with those behind the first maxTokens: it may name any number of bounds.
func (st statement) all(w words) words {
	taken := len(st.words) - len(w)
	if list := tokens(st.rest, st.mode, len(st.rest)); len(list) > taken {
		return list[taken:]
	}
	return nil
}

// readMove reads n TO SHARD m, or n CANCEL.
func readMove(w words, st MoveTablet) Statement {
	var ok bool
	if st.Tablet, ok = w.number(); !ok {
		return nil
	}
	if st.Cancel = w.take("cancel"); !st.Cancel {
		if !w.take("to", "shard") {
			return nil
		}
		if st.Shard, ok = w.number(); !ok {
			return nil
		}
	}
	if len(w) > 0 {
		return nil
	}
	return st
}

// readSplit reads [TABLET n] {AT (…), … | INTO k TABLETS} [TO SHARD m, … | SPREAD].
func readSplit(from statement, w words, st SplitTablet) Statement {
	var ok bool
	if w.take("tablet") {
		if st.Tablet, ok = w.number(); !ok || st.Tablet == 0 {
			return nil
		}
	}
	switch {
	case w.take("into"):
		if st.Into, ok = w.number(); !ok || st.Into == 0 || !w.take("tablets") {
			return nil
		}
	case w.take("at"):
		if st.At, ok = w.lists(from.rest); !ok {
			return nil
		}
	default:
		return nil
	}
	if st.Spread = w.take("spread"); !st.Spread && w.take("to", "shard") {
		if st.Shards, ok = w.numbers(); !ok {
			return nil
		}
	}
	if len(w) > 0 {
		return nil
	}
	return st
}

// readMerge reads {a, b, … | ALL} [TO SHARD m].
func readMerge(w words, st MergeTablets) Statement {
	var ok bool
	if !w.take("all") {
		if st.Tablets, ok = w.numbers(); !ok || len(st.Tablets) < 2 {
			return nil
		}
	}
	if w.take("to", "shard") {
		if st.Shard, ok = w.number(); !ok || st.Shard == 0 {
			return nil
		}
	}
	if len(w) > 0 {
		return nil
	}
	return st
}

// lists takes lists of anything in parentheses, with commas between them, and gives them as they stand in text.
func (w *words) lists(text string) (string, bool) {
	if len(*w) == 0 {
		return "", false
	}
	from, to := (*w)[0].at, 0
	for first := true; first || w.take(","); first = false {
		if to = w.list(); to == 0 {
			return "", false
		}
	}
	return text[from:to], true
}

// list takes what stands in parentheses, and tells where that ends in the text; 0: there is nothing of the kind.
func (w *words) list() (end int) {
	depth := 0
	for i, t := range *w {
		switch t.raw {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth <= 0 {
			*w = (*w)[i+1:]
			if i == 0 {
				return 0
			}
			return t.at + len(t.raw)
		}
	}
	return 0
}

// numbers takes numbers with commas between them.
func (w *words) numbers() (list []uint64, ok bool) {
	return listOf(w, w.number)
}

func (w *words) number() (n uint64, ok bool) {
	if len(*w) == 0 {
		return 0, false
	}
	n, err := strconv.ParseUint((*w)[0].raw, 10, 64)
	*w = (*w)[1:]
	return n, err == nil
}
