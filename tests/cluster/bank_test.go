package cluster

import (
	"database/sql"
	"fmt"
	"strings"
)

// bank moves money between accounts in tables of different shards; every snapshot must show the same total. Money that
// is short is not moved, so that no balance is ever negative either.
type bank struct{}

const (
	bankTables   = 3
	bankAccounts = 6 // a table
	bankStart    = 100
	bankTotal    = bankTables * bankAccounts * bankStart
)

func (b *bank) setup(r *run, db *sql.DB) {
	for i := range bankTables {
		var values []string
		for id := range bankAccounts {
			values = append(values, fmt.Sprintf("(%d, %d)", id, bankStart))
		}
		mustExec(r, db, fmt.Sprintf("CREATE TABLE bank%d (id INT PRIMARY KEY, balance BIGINT NOT NULL, KEY (balance))", i))
		mustExec(r, db, fmt.Sprintf("INSERT INTO bank%d VALUES %s", i, strings.Join(values, ", ")))
	}
}

func mustExec(r *run, db *sql.DB, query string) {
	r.t.Helper()
	if _, err := db.Exec(query); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
}

func (b *bank) start(r *run) {
	for range 2 {
		r.client("", b.transfer)
	}
	r.client("", b.audit)
}

// account is a random one: its table and id.
func (c *client) account() (table string, id int) {
	return fmt.Sprintf("bank%d", c.rnd.IntN(bankTables)), c.rnd.IntN(bankAccounts)
}

func (b *bank) transfer(c *client) error {
	fromTable, from := c.account()
	toTable, to := c.account()
	if fromTable == toTable && from == to {
		return nil
	}
	amount := int64(1 + c.rnd.IntN(30))
	level, body := "REPEATABLE READ", b.readAndSet
	switch c.rnd.IntN(4) {
	case 0:
		body = b.add
	case 1:
		level, body = "READ COMMITTED", b.add
	case 2:
		level = "SERIALIZABLE"
	}
	o, err := c.transaction(level, "BEGIN", func() error { return body(c, fromTable, from, toTable, to, amount) })
	c.tally("bank transfer").note(o, err)
	return err
}

// readAndSet reads both balances with locks and sets them.
func (b *bank) readAndSet(c *client, fromTable string, from int, toTable string, to int, amount int64) error {
	const read = "SELECT balance FROM %s WHERE id = ? FOR UPDATE"
	x, _, err := c.number(fmt.Sprintf(read, fromTable), from)
	if err != nil {
		return err
	}
	y, _, err := c.number(fmt.Sprintf(read, toTable), to)
	if err != nil || x < amount {
		return err
	}
	const set = "UPDATE %s SET balance = ? WHERE id = ?"
	if _, err := c.exec(fmt.Sprintf(set, fromTable), x-amount, from); err != nil {
		return err
	}
	_, err = c.exec(fmt.Sprintf(set, toTable), y+amount, to)
	return err
}

// add changes both without reading.
func (b *bank) add(c *client, fromTable string, from int, toTable string, to int, amount int64) error {
	res, err := c.exec(fmt.Sprintf("UPDATE %s SET balance = balance - ? WHERE id = ? AND balance >= ?", fromTable), amount, from, amount)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return err
	}
	_, err = c.exec(fmt.Sprintf("UPDATE %s SET balance = balance + ? WHERE id = ?", toTable), amount, to)
	return err
}

// audits are ways to see all at once.
var audits = []struct{ level, begin, read string }{
	{"REPEATABLE READ", "BEGIN", "SELECT balance FROM bank%d"},
	{"REPEATABLE READ", "START TRANSACTION READ ONLY", "SELECT balance FROM bank%d ORDER BY balance"},
	{"REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "SELECT SUM(balance) FROM bank%d"},
	{"REPEATABLE READ", "BEGIN", "SELECT balance FROM bank%d FOR SHARE"},
	{"SERIALIZABLE", "BEGIN", "SELECT balance FROM bank%d"},
	{"REPEATABLE READ", "", ""}, // one statement
}

func (b *bank) audit(c *client) error {
	a := audits[c.rnd.IntN(len(audits))]
	var total int64
	var seen []int64
	sum := func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		total += n
		seen = append(seen, n)
		return err
	}
	var o outcome
	var err error
	if a.begin == "" {
		err = c.query(sum, "SELECT balance FROM bank0 UNION ALL SELECT balance FROM bank1 UNION ALL SELECT balance FROM bank2")
		if o = done; err != nil {
			o = refused
		}
	} else {
		o, err = c.transaction(a.level, a.begin, func() error {
			for _, i := range c.rnd.Perm(bankTables) {
				if err := c.query(sum, fmt.Sprintf(a.read, i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	c.tally("bank audit").note(o, err)
	if o == done && total != bankTotal {
		c.anomaly("%s sees a total of %d, not %d: %v", c.name(fmt.Sprint(a)), total, bankTotal, seen)
	}
	for _, n := range seen {
		if n < 0 && !strings.Contains(a.read, "SUM") && o == done {
			c.anomaly("%s sees a balance of %d", c.name(fmt.Sprint(a)), n)
		}
	}
	return err
}

func (b *bank) judge(r *run, _ *sql.DB) {
	for _, n := range r.nodes {
		db := n.DB(checkDB, "readTimeout=60s")
		var total int64
		for i := range bankTables {
			var sum int64
			if err := db.QueryRow(fmt.Sprintf("SELECT SUM(balance) FROM bank%d", i)).Scan(&sum); err != nil {
				r.t.Error(err)
			}
			total += sum
		}
		if total != bankTotal {
			r.anomaly("in the end the total is %d, not %d, through %s", total, bankTotal, n.SQL)
		}
	}
}
