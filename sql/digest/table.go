package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/storage/memory"
	"cloudsql/storage/metric"
)

// DefaultSize is how many statements a table tells apart, performance_schema_digests_size.
const DefaultSize = 10000

const (
	parts   = 16
	stripes = 4
	// statementBytes is about what a statement takes besides its texts, with one stripe.
	statementBytes = 1 << 10
	maxSample      = 1024 // performance_schema_max_sql_text_length
)

// Table is the statements of a node.
type Table struct {
	seed    maphash.Seed
	parts   [parts]part
	size    int
	count   atomic.Int64
	account *memory.Account
	rest    *Statement // of those that there is no room for
}

type part struct {
	mu         sync.RWMutex
	statements map[string]*Statement // by schema, a zero, and text
}

// NewTable makes a table of up to size statements, whose memory is charged to account (nil: to nobody).
func NewTable(size int, account *memory.Account) *Table {
	t := &Table{seed: maphash.MakeSeed(), size: size, account: account, rest: &Statement{}}
	t.rest.listed.Store(true)
	for i := range t.parts {
		t.parts[i].statements = map[string]*Statement{}
	}
	return t
}

// Finder looks for statements; it keeps its buffers: one a session, not safe for concurrent use.
type Finder struct {
	normal Normalizer
	key    []byte
}

// Find gives the statement of a text in a database, a new one if need be.
func (f *Finder) Find(t *Table, schema, text string) *Statement {
	f.key = append(append(append(f.key[:0], schema...), 0), f.normal.Text(text)...)
	p := &t.parts[maphash.Bytes(t.seed, f.key)%parts]
	p.mu.RLock()
	s := p.statements[string(f.key)]
	p.mu.RUnlock()
	if s == nil {
		s = t.add(p, string(f.key), len(schema))
	}
	return s
}

func (t *Table) add(p *part, key string, schema int) *Statement {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.statements[key]; s != nil {
		return s
	}
	s := &Statement{table: t, schema: key[:schema], text: key[schema+1:]}
	s.digest = hash(s.text)
	return t.list(p, key, s)
}

func hash(normal string) string {
	sum := sha256.Sum256([]byte(normal))
	return hex.EncodeToString(sum[:])
}

// Of is the digest of a text, and what the digest is of.
func Of(text string) (digest, normal string) {
	n := Normalizer{}
	normal = string(n.Text(text))
	return hash(normal), normal
}

// list takes a statement in, where there is room; p is locked.
func (t *Table) list(p *part, key string, s *Statement) *Statement {
	if t.count.Add(1) > int64(t.size) || t.account.Grow(statementSize(key)) != nil {
		t.count.Add(-1)
		return t.rest
	}
	s.listed.Store(true)
	p.statements[key] = s
	return s
}

func statementSize(key string) int64 { return int64(statementBytes + len(key) + maxSample) }

// relist finds the statement that counts for s, which was there before a Reset: another one by now, or s again.
func (t *Table) relist(s *Statement) *Statement {
	if now := s.now.Load(); now != nil && now.listed.Load() {
		return now
	}
	key := s.schema + "\x00" + s.text
	p := &t.parts[maphash.String(t.seed, key)%parts]
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.statements[key]
	if now == nil {
		now = t.list(p, key, s)
	}
	s.now.Store(now)
	return now
}

// Statement is what executions of one kind of statement come to.
type Statement struct {
	table                *Table
	schema, text, digest string
	listed               atomic.Bool               // it is in the table, or was not taken in; not since a Reset
	now                  atomic.Pointer[Statement] // that counts instead

	stripes [stripes]atomic.Pointer[counters]
	longest atomic.Int64 // nanoseconds

	mu     sync.Mutex
	sample Sample
}

// Digest names the statement: a hash of its text; "" of all that there was no room for.
func (s *Statement) Digest() string { return s.digest }

// Text is the text of the statement without its literals.
func (s *Statement) Text() string { return s.text }

// counters are a part of what sessions record, on cache lines of their own.
type counters struct {
	errors, warnings, affected, sent, examined, shards atomic.Uint64
	files, noIndex, scans                              atomic.Uint64
	mostMemory, mostShards                             atomic.Uint64
	shortest                                           atomic.Int64 // nanoseconds, plus 1; 0: none
	first, last                                        atomic.Int64 // Unix microseconds
	times                                              metric.Histogram
}

// Execution is what one execution took and did.
type Execution struct {
	Session  uint64
	End      time.Time
	Took     time.Duration
	Failed   bool
	Warnings uint64
	Affected uint64 // rows
	Sent     uint64 // rows
	Examined uint64 // rows that came from shards
	Shards   uint64
	Memory   uint64 // the most that it held
	Scans    uint64 // of whole tables
	Files    uint64 // temporary ones
	// Text is the statement's own, "" where it may not be shown.
	Text string
}

// Record adds an execution.
func (s *Statement) Record(e *Execution) {
	if !s.listed.Load() {
		s = s.table.relist(s)
	}
	c := s.stripe(e.Session)
	c.times.Observe(e.Took)
	add(&c.warnings, e.Warnings)
	add(&c.affected, e.Affected)
	add(&c.sent, e.Sent)
	add(&c.examined, e.Examined)
	add(&c.shards, e.Shards)
	add(&c.files, e.Files)
	add(&c.scans, e.Scans)
	add(&c.noIndex, min(e.Scans, 1))
	if e.Failed {
		c.errors.Add(1)
	}
	metric.Raise(&c.mostMemory, e.Memory)
	metric.Raise(&c.mostShards, e.Shards)
	if old := c.shortest.Load(); old == 0 || int64(e.Took) < old-1 {
		lower(&c.shortest, int64(e.Took)+1)
	}
	end := e.End.UnixMicro()
	if c.first.Load() == 0 {
		c.first.CompareAndSwap(0, end)
	}
	c.last.Store(end)
	if int64(e.Took) > s.longest.Load() || c.last.Load() == c.first.Load() {
		s.sampled(e)
	}
}

func (s *Statement) stripe(session uint64) *counters {
	p := &s.stripes[session%stripes]
	c := p.Load()
	for c == nil {
		p.CompareAndSwap(nil, &counters{})
		c = p.Load()
	}
	return c
}

func add(c *atomic.Uint64, n uint64) {
	if n > 0 {
		c.Add(n)
	}
}

func lower(c *atomic.Int64, n int64) {
	for old := c.Load(); old == 0 || n < old; old = c.Load() {
		if c.CompareAndSwap(old, n) {
			return
		}
	}
}

// Sample is one execution, the slowest.
type Sample struct {
	Text string        `json:"text"`
	Seen time.Time     `json:"seen"`
	Took time.Duration `json:"took"`
}

// sampled keeps an execution that was slower than all before.
func (s *Statement) sampled(e *Execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sample.Seen.IsZero() || e.Took > s.sample.Took {
		s.longest.Store(int64(e.Took))
		text := e.Text
		if text == "" {
			text = s.text
		}
		s.sample = Sample{Text: clip(text), Seen: e.End, Took: e.Took}
	}
}
