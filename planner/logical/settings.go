package logical

import (
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/storage/expr"
)

// Settings are the variables of a session that plans depend on. It is one comparable value: the planner works by it, a plan that was
// made under another does not serve, and the cache of plans is asked with it; so a setting that is added here is in all three.
// What a plan takes from the Env when it runs, and not when it is made, is no matter of plans.
type Settings struct {
	SQLMode        mysql.SQLMode
	Zone           *time.Location // time_zone: constants of TIMESTAMP columns are converted when the plan is made
	SelectLimit    uint64         // sql_select_limit
	GroupConcatMax int            // group_concat_max_len
	MaxPacket      int            // max_allowed_packet: what constant expressions may give
	FoundRows      bool           // the client wants matched instead of changed rows
	SafeUpdates    bool           // sql_safe_updates
	ForeignKeysOff bool           // foreign_key_checks = 0
	AutoIsNull     bool           // sql_auto_is_null
	AutoIncrement  Series
	TellsRow       bool            // sql_warnings: also an INSERT of one row tells of the warnings that it met
	RecursionDepth int             // cte_max_recursion_depth
	MaxJoin        uint64          // max_join_size, unless sql_big_selects says otherwise: rows that a query may be expected to look at; 0: any number
	Joining        algebra.Joining // cloudsql_shard_joins
	Switches
	expr.Typing
}

// Switches are the flags of optimizer_switch that plans go by, where they are not as by default.
type Switches struct {
	NoHashJoin        bool // block_nested_loop=off; hash_join has had no effect since 8.0.19
	NoSemijoin        bool
	NoMaterialization bool
	NoLooseScan       bool
	NoFirstMatch      bool
	NoMerge           bool // derived_merge=off
	NoDerivedPushdown bool // derived_condition_pushdown=off
}

func (s *Switches) changed() bool { return *s != Switches{} }

// ways are those of semi joins that are left.
func (s *Switches) ways() algebra.SemiWays {
	w := algebra.AllWays
	for way, off := range map[algebra.SemiWays]bool{algebra.FirstMatch: s.NoFirstMatch, algebra.Materialization: s.NoMaterialization, algebra.LooseScan: s.NoLooseScan} {
		if off {
			w &^= way
		}
	}
	return w
}

// Series is what AUTO_INCREMENT values are of: Offset, Offset + Step, … Steps of 0 and 1 are every number.
type Series struct{ Step, Offset uint64 }

// From gives the first member that is not below n. An offset beyond the step is ignored, as in MySQL.
func (s Series) From(n uint64) uint64 {
	offset := s.Offset
	if offset > s.Step {
		offset = 0
	}
	return n + (s.Step+offset%s.Step-n%s.Step)%s.Step
}

// Has tells whether a mode is set.
func (s *Settings) Has(mode mysql.SQLMode) bool { return s.SQLMode&mode != 0 }
