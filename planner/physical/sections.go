package physical

import (
	"runtime"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/exec"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// aggregatedSections is how many sections a processor gets of a read that gives groups or first rows: enough for an even share, few
// enough that a group seldom comes in many parts.
const aggregatedSections = 8

// sections cuts the only fragment of a read of much of a tablet into several that follow one another, for processors that are idle; nil:
// it is read in one go. So are reads within a transaction, which have its writes to look at, and those that end early.
func (s *tableScan) sections(run *exec.Run, frags []*fragment.Read) []*fragment.Read {
	if run.RT.Txn != nil || run.RT.Processors == nil || len(frags) != 1 || !run.RT.Processors.Idle() {
		return nil
	}
	f := frags[0]
	if f.Keys != nil || f.Index != schema.PrimaryIndex || f.Limit > 0 && len(f.Order) == 0 {
		return nil
	}
	at := slices.IndexFunc(s.table.Desc.Tablets, func(t schema.Tablet) bool { return t.ID == f.Tablet })
	most := 0
	if f.Agg != nil || len(f.Order) > 0 {
		most = aggregatedSections * runtime.NumCPU()
	}
	var out []*fragment.Read
	for _, spans := range access.Sections(f.Spans, run.RT.DB.SplitKeys(&s.table.Desc.Tablets[at]), most) {
		one, env := *f, *f.Env
		one.Spans, one.Env = spans, &env
		out = append(out, &one)
	}
	if f.Reverse {
		slices.Reverse(out)
	}
	return out
}
