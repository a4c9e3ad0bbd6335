package cluster

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// tpcc is TPC-C in small: its nine tables, each in another shard than its neighbours, its five transactions, and its
// consistency conditions, which must hold in every snapshot during the run and in the end.
type tpcc struct{ checked atomic.Int64 }

const (
	tpccWarehouses = 2
	tpccDistricts  = 3  // a warehouse
	tpccCustomers  = 10 // a district
	tpccItems      = 40
)

var tpccSchema = []string{
	"CREATE TABLE warehouse (w_id INT PRIMARY KEY, w_ytd DECIMAL(12,2) NOT NULL)",
	"CREATE TABLE district (d_w_id INT, d_id INT, d_ytd DECIMAL(12,2) NOT NULL, d_next_o_id INT NOT NULL, PRIMARY KEY (d_w_id, d_id))",
	`CREATE TABLE customer (c_w_id INT, c_d_id INT, c_id INT, c_last VARCHAR(16) NOT NULL, c_balance DECIMAL(12,2) NOT NULL,
		c_ytd_payment DECIMAL(12,2) NOT NULL, c_payment_cnt INT NOT NULL, c_delivery_cnt INT NOT NULL,
		PRIMARY KEY (c_w_id, c_d_id, c_id), KEY (c_w_id, c_d_id, c_last))`,
	`CREATE TABLE history (h_id BIGINT PRIMARY KEY AUTO_INCREMENT, h_c_w_id INT, h_c_d_id INT, h_c_id INT, h_w_id INT, h_d_id INT,
		h_amount DECIMAL(6,2) NOT NULL)`,
	"CREATE TABLE item (i_id INT PRIMARY KEY, i_price DECIMAL(5,2) NOT NULL)",
	"CREATE TABLE stock (s_w_id INT, s_i_id INT, s_quantity INT NOT NULL, s_ytd INT NOT NULL, s_order_cnt INT NOT NULL, PRIMARY KEY (s_w_id, s_i_id))",
	`CREATE TABLE orders (o_w_id INT, o_d_id INT, o_id INT, o_c_id INT NOT NULL, o_carrier_id INT, o_ol_cnt INT NOT NULL,
		PRIMARY KEY (o_w_id, o_d_id, o_id), KEY (o_w_id, o_d_id, o_c_id, o_id))`,
	"CREATE TABLE new_order (no_w_id INT, no_d_id INT, no_o_id INT, PRIMARY KEY (no_w_id, no_d_id, no_o_id))",
	`CREATE TABLE order_line (ol_w_id INT, ol_d_id INT, ol_o_id INT, ol_number INT, ol_i_id INT NOT NULL, ol_delivered INT NOT NULL,
		ol_quantity INT NOT NULL, ol_amount DECIMAL(6,2) NOT NULL, PRIMARY KEY (ol_w_id, ol_d_id, ol_o_id, ol_number))`,
}

func (p *tpcc) setup(r *run, db *sql.DB) {
	for _, s := range tpccSchema {
		mustExec(r, db, s)
	}
	insert := func(table string, rows []string) {
		mustExec(r, db, "INSERT INTO "+table+" VALUES "+strings.Join(rows, ", "))
	}
	var warehouses, districts, customers, items, stock []string
	for i := range tpccItems {
		items = append(items, fmt.Sprintf("(%d, %d.50)", i, i+1))
	}
	for w := range tpccWarehouses {
		warehouses = append(warehouses, fmt.Sprintf("(%d, 0)", w))
		for i := range tpccItems {
			stock = append(stock, fmt.Sprintf("(%d, %d, 50, 0, 0)", w, i))
		}
		for d := range tpccDistricts {
			districts = append(districts, fmt.Sprintf("(%d, %d, 0, 1)", w, d))
			for c := range tpccCustomers {
				customers = append(customers, fmt.Sprintf("(%d, %d, %d, 'LAST%d', 0, 0, 0, 0)", w, d, c, c/2))
			}
		}
	}
	insert("warehouse", warehouses)
	insert("district", districts)
	insert("customer", customers)
	insert("item", items)
	insert("stock", stock)
}

func (p *tpcc) start(r *run) {
	for range 3 {
		r.client("", p.step)
	}
	r.client("", p.audit)
}

// errUserAbort is TPC-C's rollback of one new order in a hundred.
var errUserAbort = errors.New("an unknown item: rolled back as it should be")

func (p *tpcc) step(c *client) error {
	w, d := c.rnd.IntN(tpccWarehouses), c.rnd.IntN(tpccDistricts)
	name, body := "new order", p.newOrder
	switch n := c.rnd.IntN(100); {
	case n < 43:
		name, body = "payment", p.payment
	case n < 51:
		name, body = "delivery", p.delivery
	case n < 55:
		name, body = "order status", p.orderStatus
	case n < 59:
		name, body = "stock level", p.stockLevel
	}
	o, err := c.transaction("REPEATABLE READ", "BEGIN", func() error {
		err := body(c, w, d)
		if errors.Is(err, errUserAbort) {
			_, err = c.exec("ROLLBACK")
		}
		return err
	})
	c.tally("tpcc "+name).note(o, err)
	return err
}

func (p *tpcc) newOrder(c *client, w, d int) error {
	o, _, err := c.number("SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ? FOR UPDATE", w, d)
	if err != nil {
		return err
	}
	lines := 2 + c.rnd.IntN(5)
	for _, s := range []struct {
		query string
		args  []any
	}{
		{"UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = ? AND d_id = ?", []any{w, d}},
		{"INSERT INTO orders VALUES (?, ?, ?, ?, NULL, ?)", []any{w, d, o, c.rnd.IntN(tpccCustomers), lines}},
		{"INSERT INTO new_order VALUES (?, ?, ?)", []any{w, d, o}},
	} {
		if _, err := c.exec(s.query, s.args...); err != nil {
			return err
		}
	}
	for n, item := range c.rnd.Perm(tpccItems)[:lines] {
		if n+1 == lines && c.rnd.IntN(100) == 0 {
			return errUserAbort
		}
		if err := p.orderLine(c, w, d, o, n, item); err != nil {
			return err
		}
	}
	return nil
}

func (p *tpcc) orderLine(c *client, w, d int, o int64, n, item int) error {
	supplier := w
	if c.rnd.IntN(20) == 0 {
		supplier = c.rnd.IntN(tpccWarehouses)
	}
	quantity := 1 + c.rnd.IntN(10)
	have, _, err := c.number("SELECT s_quantity FROM stock WHERE s_w_id = ? AND s_i_id = ? FOR UPDATE", supplier, item)
	if err != nil {
		return err
	}
	left := have - int64(quantity)
	if left < 10 {
		left += 91
	}
	if _, err := c.exec("UPDATE stock SET s_quantity = ?, s_ytd = s_ytd + ?, s_order_cnt = s_order_cnt + 1 WHERE s_w_id = ? AND s_i_id = ?",
		left, quantity, supplier, item); err != nil {
		return err
	}
	_, err = c.exec("INSERT INTO order_line SELECT ?, ?, ?, ?, i_id, 0, ?, ? * i_price FROM item WHERE i_id = ?", w, d, o, n, quantity, quantity, item)
	return err
}

func (p *tpcc) payment(c *client, w, d int) error {
	amount := 1 + c.rnd.IntN(500)
	cw, cd, cid := w, d, int64(c.rnd.IntN(tpccCustomers))
	if c.rnd.IntN(7) == 0 {
		cw, cd = c.rnd.IntN(tpccWarehouses), c.rnd.IntN(tpccDistricts)
	}
	if c.rnd.IntN(2) == 0 { // by name
		var err error
		if cid, _, err = c.number("SELECT c_id FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_last = ? ORDER BY c_id LIMIT 1",
			cw, cd, fmt.Sprintf("LAST%d", cid/2)); err != nil {
			return err
		}
	}
	for _, s := range []struct {
		query string
		args  []any
	}{
		{"UPDATE warehouse SET w_ytd = w_ytd + ? WHERE w_id = ?", []any{amount, w}},
		{"UPDATE district SET d_ytd = d_ytd + ? WHERE d_w_id = ? AND d_id = ?", []any{amount, w, d}},
		{`UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, c_payment_cnt = c_payment_cnt + 1
			WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?`, []any{amount, amount, cw, cd, cid}},
		{"INSERT INTO history (h_c_w_id, h_c_d_id, h_c_id, h_w_id, h_d_id, h_amount) VALUES (?, ?, ?, ?, ?, ?)", []any{cw, cd, cid, w, d, amount}},
	} {
		if _, err := c.exec(s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// delivery delivers the oldest order of each district.
func (p *tpcc) delivery(c *client, w, _ int) error {
	for d := range tpccDistricts {
		o, some, err := c.number("SELECT no_o_id FROM new_order WHERE no_w_id = ? AND no_d_id = ? ORDER BY no_o_id LIMIT 1 FOR UPDATE", w, d)
		if err != nil {
			return err
		}
		if !some {
			continue
		}
		customer, _, err := c.number("SELECT o_c_id FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_id = ? FOR UPDATE", w, d, o)
		if err != nil {
			return err
		}
		for _, s := range []struct {
			query string
			args  []any
		}{
			{"DELETE FROM new_order WHERE no_w_id = ? AND no_d_id = ? AND no_o_id = ?", []any{w, d, o}},
			{"UPDATE orders SET o_carrier_id = ? WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?", []any{1 + c.rnd.IntN(10), w, d, o}},
			{"UPDATE order_line SET ol_delivered = 1 WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?", []any{w, d, o}},
			{`UPDATE customer SET c_delivery_cnt = c_delivery_cnt + 1, c_balance = c_balance +
				(SELECT SUM(ol_amount) FROM order_line WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?)
				WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?`, []any{w, d, o, w, d, customer}},
		} {
			if _, err := c.exec(s.query, s.args...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *tpcc) orderStatus(c *client, w, d int) error {
	o, some, err := c.number("SELECT o_id FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_c_id = ? ORDER BY o_id DESC LIMIT 1",
		w, d, c.rnd.IntN(tpccCustomers))
	if err != nil || !some {
		return err
	}
	want, _, err := c.number("SELECT o_ol_cnt FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?", w, d, o)
	if err != nil {
		return err
	}
	got, _, err := c.number("SELECT COUNT(*) FROM order_line WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?", w, d, o)
	if err == nil && got != want {
		c.anomaly("%s: order %d/%d/%d has %d lines of %d", c.name("order status"), w, d, o, got, want)
	}
	return err
}

func (p *tpcc) stockLevel(c *client, w, d int) error {
	_, _, err := c.number(`SELECT COUNT(DISTINCT s_i_id) FROM district, order_line, stock WHERE d_w_id = ? AND d_id = ? AND ol_w_id = d_w_id
		AND ol_d_id = d_id AND ol_o_id < d_next_o_id AND ol_o_id >= d_next_o_id - 20 AND s_w_id = d_w_id AND s_i_id = ol_i_id AND s_quantity < 20`, w, d)
	return err
}

// tpccConditions are queries that must find nothing, by the numbers that clause 3.3.2 of the specification gives them.
var tpccConditions = []struct{ name, query string }{
	{"1", `SELECT w_id FROM warehouse WHERE w_ytd <> (SELECT SUM(d_ytd) FROM district WHERE d_w_id = w_id)`},
	{"2", `SELECT d_w_id, d_id FROM district LEFT JOIN (SELECT o_w_id, o_d_id, MAX(o_id) m FROM orders GROUP BY o_w_id, o_d_id) o
		ON o_w_id = d_w_id AND o_d_id = d_id WHERE d_next_o_id - 1 <> COALESCE(m, 0)`},
	{"3", `SELECT no_w_id, no_d_id FROM new_order GROUP BY no_w_id, no_d_id HAVING MAX(no_o_id) - MIN(no_o_id) + 1 <> COUNT(*)`},
	{"4", `SELECT o.w, o.d FROM (SELECT o_w_id w, o_d_id d, SUM(o_ol_cnt) n FROM orders GROUP BY o_w_id, o_d_id) o
		LEFT JOIN (SELECT ol_w_id w, ol_d_id d, COUNT(*) n FROM order_line GROUP BY ol_w_id, ol_d_id) l ON l.w = o.w AND l.d = o.d
		WHERE l.n IS NULL OR o.n <> l.n`},
	{"5", `SELECT o_w_id, o_d_id, o_id FROM orders LEFT JOIN new_order ON no_w_id = o_w_id AND no_d_id = o_d_id AND no_o_id = o_id
		WHERE (o_carrier_id IS NULL) <> (no_o_id IS NOT NULL)`},
	{"6", `SELECT o_w_id, o_d_id, o_id FROM orders LEFT JOIN (SELECT ol_w_id, ol_d_id, ol_o_id, COUNT(*) n FROM order_line
		GROUP BY ol_w_id, ol_d_id, ol_o_id) l ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id WHERE n IS NULL OR n <> o_ol_cnt`},
	{"7", `SELECT o_w_id, o_d_id, o_id FROM orders JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id
		WHERE (ol_delivered = 1) <> (o_carrier_id IS NOT NULL)`},
	{"8", `SELECT w_id FROM warehouse WHERE w_ytd <> COALESCE((SELECT SUM(h_amount) FROM history WHERE h_w_id = w_id), 0)`},
	{"9", `SELECT d_w_id, d_id FROM district WHERE d_ytd <> COALESCE((SELECT SUM(h_amount) FROM history WHERE h_w_id = d_w_id AND h_d_id = d_id), 0)`},
	{"10", `SELECT c_w_id, c_d_id, c_id FROM customer LEFT JOIN (SELECT o_w_id, o_d_id, o_c_id, SUM(ol_amount) delivered FROM orders JOIN order_line
		ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id WHERE ol_delivered = 1 GROUP BY o_w_id, o_d_id, o_c_id) o
		ON o_w_id = c_w_id AND o_d_id = c_d_id AND o_c_id = c_id WHERE c_balance <> COALESCE(delivered, 0) - c_ytd_payment`},
	{"stock", `SELECT s_i_id FROM (SELECT s_i_id, SUM(s_ytd) n FROM stock GROUP BY s_i_id) s
		LEFT JOIN (SELECT ol_i_id, SUM(ol_quantity) m FROM order_line GROUP BY ol_i_id) l ON ol_i_id = s_i_id WHERE n <> COALESCE(m, 0)`},
}

// audit checks some of the conditions in one snapshot.
func (p *tpcc) audit(c *client) error {
	o, err := c.transaction("REPEATABLE READ", "START TRANSACTION READ ONLY", func() error {
		for range 3 {
			condition := tpccConditions[c.rnd.IntN(len(tpccConditions))]
			broken := 0
			if err := c.query(func(*sql.Rows) error { broken++; return nil }, condition.query); err != nil {
				return err
			}
			p.checked.Add(1)
			if broken > 0 {
				c.anomaly("%s: TPC-C's condition %s is broken for %d", c.name("audit"), condition.name, broken)
			}
		}
		return nil
	})
	c.tally("tpcc audit").note(o, err)
	return err
}

func (p *tpcc) judge(r *run, db *sql.DB) {
	for _, condition := range tpccConditions {
		rows, err := db.Query(condition.query)
		if err != nil {
			r.t.Errorf("condition %s: %v", condition.name, err)
			continue
		}
		broken := 0
		for rows.Next() {
			broken++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			r.t.Error(err)
		}
		if broken > 0 {
			r.anomaly("TPC-C's condition %s is broken in the end for %d", condition.name, broken)
		}
	}
	var orders int
	if err := db.QueryRow("SELECT COUNT(*) FROM orders").Scan(&orders); err != nil {
		r.t.Error(err)
	}
	r.t.Logf("tpcc: %d orders; conditions checked in %d snapshots", orders, p.checked.Load())
}
