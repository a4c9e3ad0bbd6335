package txn

import (
	"context"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/schema"
)

// ReserveAutoInc hands out n consecutive AUTO_INCREMENT values of a tablet's table; with n = 0 it tells the next one.
func (c *Client) ReserveAutoInc(ctx context.Context, tablet schema.TabletID, n uint64) (first uint64, err error) {
	s, err := c.shardOf(tablet)
	if err != nil {
		return 0, err
	}
	err = c.call(ctx, s, repeatable, func(svc leaseholder.Service) (err error) {
		first, err = svc.ReserveAutoInc(ctx, s, tablet, n)
		return err
	})
	return first, err
}

// ReserveTable hands out n consecutive AUTO_INCREMENT values of a table: the first tablet's shard counts, once it has caught up
// with the rows that are in others.
func (c *Client) ReserveTable(ctx context.Context, t *schema.Table, n uint64) (first uint64, err error) {
	if others := t.OtherShards(); len(others) > 0 {
		next, err := c.AutoInc(ctx, t)
		if err != nil {
			return 0, err
		}
		now, err := c.ReserveAutoInc(ctx, t.Tablets[0].ID, 0)
		if err == nil && next > now {
			_, err = c.ReserveAutoInc(ctx, t.Tablets[0].ID, next-now)
		}
		if err != nil {
			return 0, err
		}
	}
	return c.ReserveAutoInc(ctx, t.Tablets[0].ID, n)
}

// AutoInc reads the next value.
func (c *Client) AutoInc(ctx context.Context, t *schema.Table) (next uint64, err error) {
	next, err = c.ReserveAutoInc(ctx, t.Tablets[0].ID, 0)
	for _, id := range t.OtherShards() {
		if err != nil {
			return 0, err
		}
		var there uint64
		there, err = c.ReserveAutoInc(ctx, id, 0)
		next = max(next, there)
	}
	return next, err
}

// SetAutoInc raises the counter to next; a smaller value changes nothing.
func (c *Client) SetAutoInc(ctx context.Context, t *schema.Table, next uint64) error {
	now, err := c.AutoInc(ctx, t)
	if err != nil || next <= now {
		return err
	}
	_, err = c.ReserveTable(ctx, t, next-now)
	return err
}
