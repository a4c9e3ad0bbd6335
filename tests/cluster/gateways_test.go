package cluster

import (
	"database/sql"
	"fmt"
	"sync/atomic"
)

// gateways: what was acknowledged at one gateway is seen at every other at once, however it is read; and nobody sees
// time go back. Each client has a row of its own that it counts up.
type gateways struct{ reads atomic.Int64 }

const gatewayClients = 2

func (g *gateways) setup(r *run, db *sql.DB) {
	for _, table := range []string{"gateways", "gateways2"} {
		mustExec(r, db, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, n BIGINT NOT NULL, KEY (n))", table))
		for i := range gatewayClients {
			mustExec(r, db, fmt.Sprintf("INSERT INTO %s VALUES (%d, %d)", table, i, i*gatewaySpan))
		}
	}
}

const gatewaySpan = 1 << 40 // each client's numbers begin so far apart

func (g *gateways) start(r *run) {
	for i := range gatewayClients {
		acked, tried := int64(i*gatewaySpan), int64(i*gatewaySpan)
		r.client("", func(c *client) error { return g.step(c, i, &acked, &tried) })
	}
}

var gatewayReads = []struct{ begin, read string }{
	{"", "SELECT n FROM gateways WHERE id = ?"},
	{"", "SELECT MAX(n) FROM gateways FORCE INDEX (n) WHERE n >= ? AND n < ?"},
	{"", "SELECT SUM(n) FROM gateways WHERE id + 0 = ?"},
	{"BEGIN", "SELECT n FROM gateways WHERE id = ?"},
	{"START TRANSACTION READ ONLY", "SELECT n FROM gateways WHERE id = ?"},
	{"BEGIN", "SELECT n FROM gateways WHERE id = ? FOR SHARE"},
}

// step writes at one gateway and reads at another. Numbers only grow (a write whose client gave up may come late), so what is there may be more than what
// was acknowledged, by writes whose outcome is unknown, but never less than what was seen.
func (g *gateways) step(c *client, id int, acked, tried *int64) error {
	*tried++
	wrote := c.node
	const update = "UPDATE gateways SET n = ? WHERE id = ? AND n < ?"
	var o outcome
	var err error
	if c.rnd.IntN(2) == 0 {
		_, o, err = c.change(update, *tried, id, *tried)
	} else { // in two shards: acknowledged when it is prepared in both
		o, err = c.transaction("REPEATABLE READ", "BEGIN", func() error {
			if _, err := c.exec("UPDATE gateways2 SET n = ? WHERE id = ?", *tried, id); err != nil {
				return err
			}
			_, err := c.exec(update, *tried, id, *tried)
			return err
		})
	}
	c.tally("gateways write").note(o, err)
	if o == done {
		*acked = *tried
	}
	if err != nil {
		return err
	}
	c.move()
	how := gatewayReads[c.rnd.IntN(len(gatewayReads))]
	args := []any{id}
	if how.read == gatewayReads[1].read {
		args = []any{id * gatewaySpan, (id + 1) * gatewaySpan}
	}
	var n int64
	read := func() (err error) { n, _, err = c.number(how.read, args...); return err }
	if how.begin == "" {
		err = read()
		o = judgeError(err)
	} else {
		o, err = c.transaction("REPEATABLE READ", how.begin, read)
	}
	c.tally("gateways read").note(o, err)
	if err != nil {
		return err
	}
	g.reads.Add(1)
	if n < *acked || n > *tried {
		c.anomaly("%d was acknowledged at node %d; then %s saw %d (sent: %d)", *acked, wrote+1, c.name(how.begin+" "+how.read), n, *tried)
	}
	*acked = max(*acked, n)
	return nil
}

func (g *gateways) judge(r *run, _ *sql.DB) { r.t.Logf("gateways: %d reads", g.reads.Load()) }
