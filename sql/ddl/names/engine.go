package names

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// StandIns are MySQL's engines whose tables InnoDB stands in for, under any mode: it gives all that they promise and more, and
// the schemas of older applications name them.
var StandIns = map[string]bool{"myisam": true, "memory": true, "heap": true, "csv": true, "archive": true}

// Engines are MySQL's engines that mean something else than a table of rows.
var Engines = map[string]bool{"blackhole": true, "merge": true, "mrg_myisam": true, "federated": true, "ndb": true, "ndbcluster": true}

// OfFixedFormat tells whether a table's options have ROW_FORMAT=FIXED, and InnoDB, which knows none: by no other engine's name.
func OfFixedFormat(opts []*ast.TableOption, engine string) (fixed bool) {
	for _, o := range opts {
		switch {
		case o.Tp == ast.TableOptionEngine && o.StrValue != "":
			engine = o.StrValue
		case o.Tp == ast.TableOptionRowFormat:
			fixed = o.UintValue == ast.RowFormatFixed
		}
	}
	return fixed && !StandIns[strings.ToLower(engine)]
}
