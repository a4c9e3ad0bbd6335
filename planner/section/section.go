package section

import (
	"runtime"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/exec"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// How many sections a processor gets of a read: enough for an even share. Of one that gives groups or first rows they are few enough that
// a group seldom comes in many parts.
const (
	readSections       = 32
	aggregatedSections = 8
)

// sectionLookups is how many keys, or ranges of single keys, a section of a join's lookups has.
const sectionLookups = 128

// Cut cuts the only fragment of a read of much of a tablet of t into several that follow one another, for processors that are idle; nil:
// it is read in one go. So are reads within a transaction, which have its writes to look at, and those that end early.
func Cut(run *exec.Run, t *schema.Table, frags []*fragment.Read) (out []*fragment.Read) {
	if run.RT.Txn != nil || run.RT.Processors == nil || len(frags) != 1 || !run.RT.Processors.Idle() {
		return nil
	}
	f := frags[0]
	add := func(keys [][]byte, spans []fragment.Span) {
		one, env := *f, *f.Env
		one.Keys, one.Spans, one.Env = keys, spans, &env
		out = append(out, &one)
	}
	switch {
	case f.Limit > 0 && len(f.Order) == 0:
	case len(f.Keys) >= 2*sectionLookups:
		for keys := range slices.Chunk(f.Keys, sectionLookups) {
			add(keys, nil)
		}
	case len(f.Spans) >= 2*sectionLookups:
		for spans := range slices.Chunk(f.Spans, sectionLookups) {
			add(nil, spans)
		}
	case f.Keys == nil && f.Index == schema.PrimaryIndex:
		for _, spans := range scans(run, t, f) {
			add(nil, spans)
		}
	}
	if f.Reverse {
		slices.Reverse(out)
	}
	return out
}

// scans cuts the spans of a scan at its tablet's split keys.
func scans(run *exec.Run, t *schema.Table, f *fragment.Read) [][]fragment.Span {
	at := slices.IndexFunc(t.Tablets, func(t schema.Tablet) bool { return t.ID == f.Tablet })
	each := readSections
	if f.Agg != nil || len(f.Order) > 0 {
		each = aggregatedSections
	}
	return access.Sections(f.Spans, run.RT.DB.SplitKeys(&t.Tablets[at]), each*runtime.NumCPU())
}
