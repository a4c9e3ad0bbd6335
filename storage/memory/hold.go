package memory

// Kind says what memory is held for, whoever holds it.
type Kind uint8

// The kinds, in the order of kindNames.
const (
	Rows Kind = iota // copies of rows that an operator keeps
	Sort
	Join
	Group
	Distinct
	Window
	Result  // what waits for the client
	Request // a client's packet
	Tree    // syntax trees and plans
	Prepared
	Variables
	Cursor
	LongData
	Page  // of rows, on their way from a shard
	Kinds // how many there are
)

var kindNames = [Kinds]string{
	"rows", "sort", "join", "group", "distinct", "window", "result", "request", "tree", "prepared", "variables", "cursor",
	"long_data", "page",
}

func (k Kind) String() string { return kindNames[k] }

// Hold is what one operator holds in an account. It is used by one goroutine at a time; the zero Hold counts for nobody.
type Hold struct {
	account *Account
	kind    Kind
	used    int64
	taken   int64
}

// Hold begins to hold memory of a kind in the account, nothing yet. a may be nil.
func (a *Account) Hold(k Kind) Hold { return Hold{account: a, kind: k} }

// Grow takes n more bytes, or gives some back where n is negative.
func (h *Hold) Grow(n int) error {
	h.used += int64(n)
	if h.used > h.taken {
		return h.take(n)
	}
	if h.taken-h.used > 2*holdChunk {
		h.giveBack(h.taken - h.used - holdChunk)
	}
	return nil
}

// Set makes it n bytes that are held. Where that fails, those from before still are.
func (h *Hold) Set(n int) error { return h.Grow(n - int(h.used)) }

func (h *Hold) take(n int) error {
	missing := h.used - h.taken
	want := max(missing, holdChunk)
	if h.account.Tight(want) {
		want = missing
	}
	if err := h.account.Grow(want); err != nil {
		h.used -= int64(n)
		return err
	}
	h.taken += want
	h.count(want)
	return nil
}

func (h *Hold) giveBack(n int64) {
	h.taken -= n
	h.account.Shrink(n)
	h.count(-n)
}

func (h *Hold) count(n int64) {
	if h.account == nil {
		return
	}
	h.account.kinds[h.kind].Add(n)
	if h.account.tree != nil {
		h.account.tree.kinds[h.kind].Add(n)
	}
}

// Tight tells that n more bytes would exceed a limit.
func (h *Hold) Tight(n int) bool {
	missing := h.used + int64(n) - h.taken
	return missing > 0 && h.account.Tight(missing)
}

// minWorking is what an operator may hold before it is told to go on on disk, however little there is: less is not worth a file.
const minWorking = 256 << 10

// Crowded tells an operator that can go on on disk that n more bytes would leave too little for the others of its statement. It
// may have half of what they leave, so that each operator that comes after it finds some as well, and a small working set in
// any case.
func (h *Hold) Crowded(n int) bool {
	need := h.used + int64(n)
	if h.account == nil || need <= h.taken {
		return false
	}
	limit := h.account.limit.Load()
	working := int64(minWorking)
	if limit > 0 {
		working = min(working, limit/32)
	}
	if need <= working {
		return false
	}
	return h.account.Tight(need-h.taken) || limit > 0 && need > (limit-(h.account.Used()-h.taken))/2
}

// Used is the bytes that are held.
func (h *Hold) Used() int { return int(h.used) }

// Close gives everything back. The Hold may be used again.
func (h *Hold) Close() {
	h.used = 0
	if h.taken > 0 {
		h.giveBack(h.taken)
	}
}
