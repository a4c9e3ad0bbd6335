package shard

import (
	"errors"
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// tooNew demands that err is a typed refusal exactly where what exists since `since` is written for v.
func tooNew(t *testing.T, what string, i int, since, v version.Version, err error) {
	t.Helper()
	refusal := (*version.TooNew)(nil)
	if want := since > v; errors.As(err, &refusal) != want || !want && err != nil {
		t.Errorf("%s %d, known since %d, for version %d: %v", what, i, since, v, err)
	}
}

// TestProposersAskSince goes over all numbers that an entry's format, a command's, proposal's, write's and effect's
// kind can have: what readers of a version don't know is refused with its type, and what is in no table always. The
// tables have what apply knows, and nothing else.
func TestProposersAskSince(t *testing.T) {
	known := func(since version.Version) bool { return since <= version.Max }
	for i := range 256 {
		for v := version.Min; v <= version.Max; v++ {
			b := byte(i)
			tooNew(t, "command", i, CommandKind(b).Since(), v, CheckEntry([]byte{byte(FormatPlain), b}, v))
			tooNew(t, "format", i, Format(b).Since(), v, CheckEntry([]byte{b, byte(CommandBatch)}, v))
			_, err := AppendProposal(nil, &Proposal{Kind: ProposalKind(b)}, v)
			tooNew(t, "proposal", i, ProposalKind(b).Since(), v, err)
			p := Proposal{Kind: ProposalCommit, Effects: []fragment.Effect{{Op: fragment.EffectOp(b)}}}
			_, err = AppendProposal(nil, &p, v)
			tooNew(t, "effect", i, fragment.EffectOp(b).Since(), v, err)
			w := insertRow(1, 1, "a")
			w.Kind = fragment.Kind(b)
			_, err = AppendProposal(nil, &Proposal{Kind: ProposalCommit, Writes: []*fragment.Write{w}}, v)
			tooNew(t, "write", i, w.Kind.Since(), v, err)
		}
		_, _, err := Decode([]byte{byte(FormatPlain), byte(i)})
		if known(CommandKind(i).Since()) == errors.Is(err, wire.ErrUnknown) {
			t.Errorf("command %d is in the table, or apply knows it, but not both: %v", i, err)
		}
		_, _, err = Decode([]byte{byte(i), byte(CommandBatch)})
		if known(Format(i).Since()) == errors.Is(err, wire.ErrUnknown) {
			t.Errorf("format %d is in the table, or apply knows it, but not both: %v", i, err)
		}
	}
	for v := version.Min; v <= version.Max; v++ {
		if f := FormatOf(v); f.Since() > v {
			t.Errorf("format %d is chosen for version %d", f, v)
		}
	}
}
