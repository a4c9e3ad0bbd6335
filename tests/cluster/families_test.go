package cluster

import (
	"database/sql"
	"fmt"
	"strings"
)

// families changes parents, children and grandchildren that foreign keys tie together, with cascades, by statements of their own and in
// transactions. No snapshot shows a row whose parent is not there.
type families struct{}

const (
	familyIDs     = 8
	familyOrphans = "SELECT (SELECT COUNT(*) FROM family_c c LEFT JOIN family_p p ON p.id = c.pid WHERE c.pid IS NOT NULL AND p.id IS NULL) + " +
		"(SELECT COUNT(*) FROM family_g g LEFT JOIN family_c c ON c.id = g.cid WHERE g.cid IS NOT NULL AND c.id IS NULL)"
)

func (f *families) setup(r *run, db *sql.DB) {
	mustExec(r, db, "CREATE TABLE family_p (id INT PRIMARY KEY, v INT NOT NULL)")
	mustExec(r, db, "CREATE TABLE family_c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES family_p (id) ON DELETE CASCADE ON UPDATE CASCADE)")
	mustExec(r, db, "CREATE TABLE family_g (id INT PRIMARY KEY, cid INT, FOREIGN KEY (cid) REFERENCES family_c (id) ON DELETE SET NULL)")
}

func (f *families) start(r *run) {
	for range 3 {
		r.client("", f.change)
	}
	r.client("", f.audit)
}

// statement is a random change of one row, of one with its children, or of several.
func (f *families) statement(c *client) string {
	id, other := c.rnd.IntN(familyIDs), c.rnd.IntN(familyIDs)
	switch c.rnd.IntN(9) {
	case 0, 1:
		return fmt.Sprintf("INSERT INTO family_p VALUES (%d, 0)", id)
	case 2, 3:
		return fmt.Sprintf("REPLACE INTO family_c VALUES (%d, %d), (%d, NULL)", id, other, familyIDs)
	case 4:
		return fmt.Sprintf("INSERT INTO family_g VALUES (%d, %d) ON DUPLICATE KEY UPDATE cid = VALUES(cid)", id, other)
	case 5:
		return fmt.Sprintf("DELETE FROM family_p WHERE id = %d", id)
	case 6:
		return fmt.Sprintf("UPDATE family_p SET id = %d WHERE id = %d", other, id)
	case 7:
		return fmt.Sprintf("DELETE FROM family_c WHERE pid = %d", id)
	}
	return fmt.Sprintf("UPDATE IGNORE family_c SET pid = %d WHERE id < %d", other, id)
}

func (f *families) change(c *client) error {
	if c.rnd.IntN(2) == 0 {
		_, o, err := c.change(f.statement(c))
		c.tally("families statement").note(o, err)
		return err
	}
	level := []string{"REPEATABLE READ", "READ COMMITTED"}[c.rnd.IntN(2)]
	o, err := c.transaction(level, "BEGIN", func() error {
		for range 1 + c.rnd.IntN(3) {
			if _, err := c.exec(f.statement(c)); err != nil {
				return err
			}
		}
		return nil
	})
	c.tally("families transaction").note(o, err)
	return err
}

// audit looks for orphans in one snapshot.
func (f *families) audit(c *client) error {
	var orphans int64
	o, err := c.transaction("REPEATABLE READ", "START TRANSACTION READ ONLY", func() (err error) {
		orphans, _, err = c.number(familyOrphans)
		return err
	})
	c.tally("families audit").note(o, err)
	if o == done && orphans > 0 {
		c.anomaly("%s sees %d rows without a parent", c.name("families audit"), orphans)
	}
	return err
}

func (f *families) judge(r *run, _ *sql.DB) {
	for _, n := range r.nodes {
		db := n.DB(checkDB, "readTimeout=60s")
		var orphans int64
		if err := db.QueryRow(familyOrphans).Scan(&orphans); err != nil || orphans > 0 {
			r.anomaly("in the end %d rows are without a parent, through %s (%v)", orphans, n.SQL, err)
		}
		var table, op, kind, text string
		if err := db.QueryRow("CHECK TABLE family_c").Scan(&table, &op, &kind, &text); err != nil || !strings.EqualFold(text, "OK") {
			r.anomaly("CHECK TABLE family_c through %s: %s (%v)", n.SQL, text, err)
		}
	}
}
