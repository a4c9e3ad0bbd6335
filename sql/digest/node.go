package digest

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"cloudsql/storage/memory"
)

// memoryShare is the part of the process's memory that a node's summary may take.
const memoryShare = 64

// callSummaries asks a node for its summary: → []Summary, as JSON.
const callSummaries = "sql.digests"

// callReset has a node forget its summary; nothing → nothing.
const callReset = "sql.digests.reset"

// Peers are the nodes whose summaries are added up.
type Peers interface {
	CallAll(ctx context.Context, method string, payload []byte) [][]byte
}

// Node is the statements of a node: their kinds, their digests, and the log of slow ones.
type Node struct {
	Table *Table
	Stats Stats
	Log   *slog.Logger
}

// NewNode makes a node's; log nil: slog.Default(). register has the other nodes' calls answered.
func NewNode(log *slog.Logger, process *memory.Account,
	register func(method string, fn func(ctx context.Context, payload []byte) ([]byte, error))) *Node {
	if log == nil {
		log = slog.Default()
	}
	account := process.NewStore("statement digests", process.Limit()/memoryShare)
	n := &Node{Table: NewTable(DefaultSize, account), Log: log}
	register(callSummaries, func(context.Context, []byte) ([]byte, error) { return json.Marshal(n.Table.Summaries()) })
	register(callReset, func(context.Context, []byte) ([]byte, error) { n.Table.Reset(); return nil, nil })
	return n
}

// Reset has the nodes that answer forget what statements came to. One that does not is not in All either, as long as it is away.
func (n *Node) Reset(ctx context.Context, peers Peers) {
	n.Table.Reset()
	peers.CallAll(ctx, callReset, nil)
}

// Record adds an execution of a statement, as far as what it says goes with its kind: only queries send the rows that were found, and
// only statements about rows show their text.
func (n *Node) Record(s *Statement, k Kind, e *Execution) {
	if k != Select || e.Failed {
		e.Sent = 0
	}
	if k == Select || e.Failed {
		e.Affected = 0
	}
	if !k.ShowsLiterals() {
		e.Text = ""
	}
	s.Record(e)
	n.Stats.Times[k].Observe(e.Took)
}

// maxLogged bounds a statement's text in the log.
const maxLogged = 8 << 10

// LogSlow tells the log of an execution.
func (n *Node) LogSlow(s *Statement, e *Execution, db, user, host string) {
	text := e.Text
	if text == "" {
		text = s.text
	}
	n.Log.LogAttrs(context.Background(), slog.LevelWarn, "slow statement",
		slog.Duration("took", e.Took), slog.Uint64("rowsSent", e.Sent), slog.Uint64("rowsExamined", e.Examined),
		slog.Uint64("rowsAffected", e.Affected), slog.Uint64("shards", e.Shards), slog.Uint64("memory", e.Memory), slog.Bool("failed", e.Failed),
		slog.String("user", user), slog.String("host", host), slog.Uint64("connection", e.Session),
		slog.String("db", db), slog.String("digest", s.digest), slog.String("statement", text[:min(len(text), maxLogged)]))
}

// All sums up the statements of the nodes that answer, those that took longest first.
func (n *Node) All(ctx context.Context, peers Peers) []*Summary {
	lists := [][]Summary{n.Table.Summaries()}
	for _, reply := range peers.CallAll(ctx, callSummaries, nil) {
		var list []Summary
		if json.Unmarshal(reply, &list) == nil {
			lists = append(lists, list)
		}
	}
	all := MergeAll(lists...)
	slices.SortFunc(all, func(a, b *Summary) int {
		return cmp.Or(cmp.Compare(b.Times.Sum(), a.Times.Sum()), cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Schema, b.Schema))
	})
	return all
}
