package cluster

import (
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
)

// claims lets clients race for names under a unique key: each name is claimed by exactly one, and who was told that it
// is his has it.
type claims struct {
	name  atomic.Int64
	tries atomic.Int64 // for the present name
	mu    sync.Mutex
	acked map[string][]int64 // who were told yes
	maybe map[string][]int64 // who were told nothing
}

const claimTries = 4 // for each name

func (k *claims) setup(r *run, db *sql.DB) {
	k.acked, k.maybe = map[string][]int64{}, map[string][]int64{}
	mustExec(r, db, "CREATE TABLE claims (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40) NOT NULL, claim BIGINT NOT NULL, UNIQUE KEY (name))")
	mustExec(r, db, "CREATE TABLE claimants (claim BIGINT PRIMARY KEY, name VARCHAR(40) NOT NULL)")
}

func (k *claims) start(r *run) {
	var claim atomic.Int64
	for range 3 {
		r.client("", func(c *client) error { return k.step(c, claim.Add(1)) })
	}
}

func (k *claims) step(c *client, claim int64) error {
	if k.tries.Add(1)%claimTries == 0 {
		k.name.Add(1)
	}
	name := fmt.Sprintf("Name %d", k.name.Load())
	var o outcome
	var err error
	const insert = "INSERT INTO claims (name, claim) VALUES (?, ?)"
	switch c.rnd.IntN(3) {
	case 0:
		_, o, err = c.change(insert, name, claim)
	case 1: // the claimant's row is in another shard
		o, err = c.transaction("REPEATABLE READ", "BEGIN", func() error {
			if _, err := c.exec("INSERT INTO claimants VALUES (?, ?)", claim, name); err != nil {
				return err
			}
			_, err := c.exec(insert, name, claim)
			return err
		})
	case 2: // by renaming: a unique entry moves
		other := fmt.Sprintf("tmp %d", claim)
		o, err = c.transaction("READ COMMITTED", "BEGIN", func() error {
			if _, err := c.exec(insert, other, claim); err != nil {
				return err
			}
			_, err := c.exec("UPDATE claims SET name = ? WHERE name = ?", name, other)
			return err
		})
	}
	c.tally("claims").note(o, err)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch o {
	case done:
		k.acked[name] = append(k.acked[name], claim)
	case doubtful:
		k.maybe[name] = append(k.maybe[name], claim)
	}
	return err
}

func (k *claims) judge(r *run, db *sql.DB) {
	owner := map[string]int64{}
	rows, err := db.Query("SELECT name, claim FROM claims")
	if err != nil {
		r.t.Fatal(err)
	}
	for rows.Next() {
		var name string
		var claim int64
		if err := rows.Scan(&name, &claim); err != nil {
			r.t.Fatal(err)
		}
		if old, twice := owner[name]; twice {
			r.anomaly("%q is claimed by %d and by %d", name, old, claim)
		}
		owner[name] = claim
		k.judgeOwner(r, name, claim)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	for name, who := range k.acked {
		if len(who) > 1 {
			r.anomaly("%q was promised to %v", name, who)
		}
		if _, ok := owner[name]; !ok {
			r.anomaly("%q was promised to %v and belongs to nobody", name, who)
		}
	}
	k.judgeClaimants(r, db, owner)
	r.t.Logf("claims: %d names, %d promised", len(owner), len(k.acked))
}

// judgeOwner: the owner was promised the name, or was told nothing.
func (k *claims) judgeOwner(r *run, name string, claim int64) {
	for _, who := range append(k.acked[name], k.maybe[name]...) {
		if who == claim {
			return
		}
	}
	r.anomaly("%q belongs to %d, which was refused it; promised to %v, %v were told nothing", name, claim, k.acked[name], k.maybe[name])
}

// judgeClaimants: a claimant's row is there with its claim or not at all.
func (k *claims) judgeClaimants(r *run, db *sql.DB, owner map[string]int64) {
	rows, err := db.Query("SELECT name, claim FROM claimants")
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var claim int64
		if err := rows.Scan(&name, &claim); err != nil {
			r.t.Fatal(err)
		}
		if owner[name] != claim {
			r.anomaly("half a transaction: claimant %d of %q is there, but the name belongs to %d", claim, name, owner[name])
		}
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
}
