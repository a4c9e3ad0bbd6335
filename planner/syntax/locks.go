package syntax

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// Several locking clauses, FOR UPDATE OF a FOR SHARE OF b SKIP LOCKED. The parser reads one: the tables of those behind it are put
// into its list, under the name of a database that says how they are locked.

// lockMark begins the name of that database, which is no name that a user would choose.
const lockMark = "lock #"

// LockOf tells how a later locking clause locks a table of the first one's list. ok is false for the first one's own tables.
func LockOf(t *ast.TableName) (update, noWait, skipLocked, ok bool) {
	how, ok := strings.CutPrefix(t.Schema.O, lockMark)
	return strings.Contains(how, "update"), strings.Contains(how, "nowait"), strings.Contains(how, "skip"), ok
}

// lockingClause is FOR UPDATE or FOR SHARE with OF, in a text.
type lockingClause struct {
	how    string // what is said of it behind lockMark
	tables []string
	listed int // where the list of tables ends
	end    int
}

// takeLocks notes what is put for a locking clause at i behind another one, and gives where to look on.
func (d *derivedFinder) takeLocks(i, otherwise int) int {
	c := d.lockingClause(i)
	if c == nil {
		return otherwise
	}
	first := d.locked
	if first == nil || d.space(first.end) != i {
		d.locked = c
		return d.space(c.end)
	}
	by := ""
	for _, t := range c.tables {
		by += ", `" + lockMark + c.how + "`." + t
	}
	d.edits = append(d.edits, edit{first.listed, first.listed, by}, edit{i, c.end, ""})
	first.end = c.end
	return d.space(c.end)
}

// lockingClause reads a clause at i; nil for none, or one without OF.
func (d *derivedFinder) lockingClause(i int) *lockingClause {
	c := &lockingClause{}
	at := i
	word := func() string {
		c.end = at
		if at >= len(d.text) {
			return ""
		}
		end := d.token(at)
		w := d.text[at:end]
		c.end = end
		at = d.space(end)
		return w
	}
	word() // FOR
	if c.how = strings.ToLower(word()); c.how != "update" && c.how != "share" || !strings.EqualFold(word(), "of") {
		return nil
	}
	for {
		t := word()
		if !isName(t) {
			return nil
		}
		c.tables = append(c.tables, t)
		c.listed = c.end
		if at >= len(d.text) || d.text[at] != ',' {
			break
		}
		word()
	}
	before := at
	switch end := c.end; strings.ToLower(word()) {
	case "nowait":
		c.how += " nowait"
	case "skip":
		if !strings.EqualFold(word(), "locked") {
			return nil
		}
		c.how += " skip locked"
	default:
		at, c.end = before, end
	}
	return c
}

// sortEdits brings edits into the order of the text; those at one place stay in theirs.
func sortEdits(list []edit) {
	slices.SortStableFunc(list, func(a, b edit) int { return a.from - b.from })
}
