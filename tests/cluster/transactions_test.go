package cluster

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// transactions have written at a leaseholder that may die, and have not committed yet.
type transactions struct {
	db  *sql.DB
	txs []*sql.Tx
}

const transactionsSchema = `
CREATE TABLE IF NOT EXISTS chk.txns (id INT PRIMARY KEY, n BIGINT NOT NULL);
INSERT IGNORE INTO chk.txns VALUES (0, 0), (1, 0), (2, 0), (3, 0)`

// openTransactions begins some through each of the nodes; each changes a row of its own.
func openTransactions(t *testing.T, nodes []*harness.Node) *transactions {
	t.Helper()
	o := &transactions{db: nodes[0].DB("chk", "multiStatements=true")}
	if _, err := o.db.Exec(transactionsSchema); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		tx, err := nodes[i%len(nodes)].DB("chk", "").Begin()
		if err == nil {
			_, err = tx.Exec("UPDATE txns SET n = n + 1 WHERE id = ?", i)
		}
		if err != nil {
			t.Fatalf("a transaction's update: %v", err)
		}
		o.txs = append(o.txs, tx)
	}
	return o
}

// commit commits them. What it is told must be true: done, or 1213 and nothing done, so that it may be repeated.
func (o *transactions) commit(t *testing.T) {
	t.Helper()
	done := 0
	for i, tx := range o.txs {
		before := o.value(t, i)
		err := tx.Commit()
		after := o.value(t, i)
		var refused *mysql.MySQLError
		switch {
		case err == nil && after == before+1:
			done++
		case errors.As(err, &refused) && refused.Number == errDeadlock && after == before:
		default:
			t.Errorf("a transaction that was open at the death of its leaseholder: %v, its row went from %d to %d", err, before, after)
		}
	}
	t.Logf("%d of %d open transactions committed, the others were told to repeat", done, len(o.txs))
}

func (o *transactions) value(t *testing.T, id int) (n int) {
	t.Helper()
	if err := o.db.QueryRow("SELECT n FROM txns WHERE id = ?", id).Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

// errDeadlock is ER_LOCK_DEADLOCK.
const errDeadlock = 1213
