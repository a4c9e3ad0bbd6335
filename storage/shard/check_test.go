package shard

import (
	"bytes"
	"strings"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/limits"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

func encoded(t testing.TB, p *Proposal) []byte {
	t.Helper()
	e, err := AppendProposal(nil, p, version.Max)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What replicas cannot execute is the statement's error, before it is proposed; the encoded proposal is not kept.
func TestCheckProposal(t *testing.T) {
	_, s, l := openTable(t)
	good := l.proposal(insertRow(1, 1, "a"))
	for name, change := range badBodies {
		e := encoded(t, &good)
		const head = tsOffset + 4
		e = append(e[:head:head], change(bytes.Clone(e[head:]))...)
		if err := s.CheckProposal(e); err == nil || err.Code != mysql.ErrNotSupportedYet {
			t.Errorf("%s: %v", name, err)
		}
	}
	rows := l.proposal(&fragment.Write{Kind: fragment.Delete, Tablet: testTablet, Keys: make([][]byte, limits.ProposalRows+1)})
	if err := s.CheckProposal(encoded(t, &rows)); err == nil || err.Code != mysql.ErrTransCacheFull {
		t.Errorf("too many rows: %v", err)
	}
	e := encoded(t, &good)
	if err := s.CheckProposal(e); err != nil {
		t.Fatal(err)
	}
	clear(e)
	if r := l.propose(good)[0]; r.Status != Committed {
		t.Errorf("%+v", r)
	}
	if rows := showPage(mustRead(t, s, readAll(schema.PrimaryIndex), ReadOptions{})); !strings.Contains(rows, "a") {
		t.Errorf("rows %q", rows)
	}
}

// What the check has left for apply makes no difference to what is applied: a replica that has checked its proposals, as
// a leaseholder does, and one that has not, are equal after every kind of write.
func TestCheckedEqualsDecoded(t *testing.T) {
	_, s, l := openTable(t)
	var entries []Entry
	for id := range int64(50) {
		ps := []Proposal{l.proposal(insertRow(id, id, "a")), l.proposal(updateK(id, 7)), l.proposal(updateK(id, 7)), l.proposal(panics()[0])}
		for i := range ps {
			ps[i].TS = l.ts
			if i == 2 && id%2 == 0 {
				continue // not all of them
			}
			if err := s.CheckProposal(encoded(t, &ps[i])); err != nil {
				t.Fatal(err)
			}
		}
		entries = append(entries, l.entry(l.encodeBatch(ps...)))
		if _, err := s.Apply(entries[id:]); err != nil {
			t.Fatal(err)
		}
	}
	compareTwin(t, s, l, entries)
}

// What a one-row write costs at the leaseholder: encoding, checking and applying it.
func BenchmarkOneRowWrite(b *testing.B) {
	_, s, l := openTable(b)
	l.write(insertRow(1, 1, "a"))
	plus, err := expr.New("+", &expr.Column{Index: 1, Typ: testTable().Columns[1].Type, Name: "k"}, expr.NewInt(1))
	if err != nil {
		b.Fatal(err)
	}
	w := updateK(1, 0)
	w.Set[0].Expr, w.Env = plus, &expr.Env{}
	var prop, cmd []byte
	b.ReportAllocs()
	for b.Loop() {
		p := Proposal{Kind: ProposalCommit, Writes: []*fragment.Write{w}}
		l.txn++
		p.Txn[0], p.Txn[8], p.Txn[9], p.Txn[10] = 2, byte(l.txn), byte(l.txn>>8), byte(l.txn>>16)
		if prop, err = AppendProposal(prop[:0], &p, version.Max); err != nil {
			b.Fatal(err)
		}
		if err := s.CheckProposal(prop); err != nil {
			b.Fatal(err)
		}
		cmd = EncodeStamped(cmd[:0], &Batch{Format: FormatLengths}, []Stamped{{Proposal: prop}}, l.next())
		l.index++
		if r, err := s.Apply([]Entry{{Index: l.index, Cmd: cmd}}); err != nil || r[0].Results[0].Status != Committed {
			b.Fatal(r, err)
		}
	}
}
