package planner

import (
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/types"
)

// Settings are the variables of a session that plans depend on. It is one comparable value: the planner works by it, a plan that was
// made under another does not serve, and the cache of plans is asked with it; so a setting that is added here is in all three.
// What a plan takes from the Env when it runs, and not when it is made, is no matter of plans.
type Settings struct {
	SQLMode        mysql.SQLMode
	Zone           *time.Location // time_zone: constants of TIMESTAMP columns are converted when the plan is made
	Collation      types.Collation
	SelectLimit    uint64 // sql_select_limit
	GroupConcatMax int    // group_concat_max_len
	MaxPacket      int    // max_allowed_packet: what constant expressions may give
	FoundRows      bool   // the client wants matched instead of changed rows
	SafeUpdates    bool   // sql_safe_updates
}

func (s *Settings) has(mode mysql.SQLMode) bool { return s.SQLMode&mode != 0 }
