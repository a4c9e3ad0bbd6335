package digest

import (
	"strings"
	"time"
	"unicode/utf8"

	"cloudsql/storage/metric"
)

// Summary is what a statement's executions come to, on one node or, added up, on several.
type Summary struct {
	Schema string `json:"schema"`
	Digest string `json:"digest"` // "": all that there was no room for
	Text   string `json:"text"`

	Errors     uint64              `json:"errors"`
	Warnings   uint64              `json:"warnings"`
	Affected   uint64              `json:"affected"`
	Sent       uint64              `json:"sent"`
	Examined   uint64              `json:"examined"`
	Shards     uint64              `json:"shards"`
	Files      uint64              `json:"files"`
	NoIndex    uint64              `json:"noIndex"`
	Scans      uint64              `json:"scans"`
	MostShards uint64              `json:"mostShards"`
	MostMemory uint64              `json:"mostMemory"`
	Shortest   time.Duration       `json:"shortest"`
	First      time.Time           `json:"first"`
	Last       time.Time           `json:"last"`
	Times      metric.Distribution `json:"times"`
	Sample     Sample              `json:"sample"`
}

// clip is the beginning of a text, its own copy.
func clip(text string) string {
	if len(text) <= maxSample {
		return strings.Clone(text)
	}
	end := maxSample
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end])
}

// summary adds up the stripes.
func (s *Statement) summary() Summary {
	all := Summary{Schema: s.schema, Digest: s.digest, Text: s.text}
	for i := range s.stripes {
		c := s.stripes[i].Load()
		if c == nil || c.first.Load() == 0 {
			continue
		}
		one := Summary{
			Errors: c.errors.Load(), Warnings: c.warnings.Load(), Affected: c.affected.Load(), Sent: c.sent.Load(),
			Examined: c.examined.Load(), Shards: c.shards.Load(), Files: c.files.Load(), NoIndex: c.noIndex.Load(), Scans: c.scans.Load(), MostShards: c.mostShards.Load(), MostMemory: c.mostMemory.Load(),
			Shortest: time.Duration(c.shortest.Load() - 1), First: time.UnixMicro(c.first.Load()), Last: time.UnixMicro(c.last.Load()),
		}
		one.Times.Add(&c.times)
		all.Merge(&one)
	}
	s.mu.Lock()
	all.Sample = s.sample
	s.mu.Unlock()
	return all
}

// Merge adds what another node, or part, has of the same statement.
func (s *Summary) Merge(o *Summary) {
	s.Errors, s.Warnings, s.Affected = s.Errors+o.Errors, s.Warnings+o.Warnings, s.Affected+o.Affected
	s.Sent, s.Examined, s.Shards = s.Sent+o.Sent, s.Examined+o.Examined, s.Shards+o.Shards
	s.Files, s.NoIndex, s.Scans = s.Files+o.Files, s.NoIndex+o.NoIndex, s.Scans+o.Scans
	s.MostShards, s.MostMemory = max(s.MostShards, o.MostShards), max(s.MostMemory, o.MostMemory)
	if s.First.IsZero() || o.Shortest < s.Shortest {
		s.Shortest = o.Shortest
	}
	if s.First.IsZero() || o.First.Before(s.First) {
		s.First = o.First
	}
	if o.Last.After(s.Last) {
		s.Last = o.Last
	}
	if o.Sample.Took > s.Sample.Took || s.Sample.Seen.IsZero() {
		s.Sample = o.Sample
	}
	s.Times.Merge(&o.Times)
}

// Reset forgets all executions, and makes room for other statements. Whoever keeps a Statement may go on with it: its next execution
// puts it back (relist). An execution that is recorded meanwhile may be lost, or counted as one that comes after.
func (t *Table) Reset() {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		for key, s := range p.statements {
			s.listed.Store(false)
			s.forget()
			t.count.Add(-1)
			t.account.Shrink(statementSize(key))
		}
		clear(p.statements)
		p.mu.Unlock()
	}
	t.rest.forget()
}

// forget empties the stripes.
func (s *Statement) forget() {
	for i := range s.stripes {
		s.stripes[i].Store(nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sample = Sample{}
	s.longest.Store(0)
}

// Summaries lists the statements that have been executed.
func (t *Table) Summaries() (list []Summary) {
	add := func(s *Statement) {
		if one := s.summary(); !one.First.IsZero() {
			list = append(list, one)
		}
	}
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.RLock()
		for _, s := range p.statements {
			add(s)
		}
		p.mu.RUnlock()
	}
	add(t.rest)
	return list
}

// MergeAll adds up the lists of several nodes.
func MergeAll(lists ...[]Summary) (all []*Summary) {
	at := map[[2]string]*Summary{}
	for _, list := range lists {
		for i := range list {
			s := &list[i]
			key := [2]string{s.Schema, s.Digest}
			if before := at[key]; before != nil {
				before.Merge(s)
				continue
			}
			at[key] = s
			all = append(all, s)
		}
	}
	return all
}
