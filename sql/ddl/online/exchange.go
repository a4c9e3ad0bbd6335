package online

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/partitioning"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Exchange is EXCHANGE PARTITION: a partition of a table, and another table, take each other's rows.
//
// Their tablets can't just change sides, for shards know a tablet by its table's columns and indexes, which have other numbers in the other
// table. So both get new tablets, which are filled under locks of both tables, and one change of the catalog puts them in their places.
type Exchange struct {
	Table     Name
	Partition string
	With      Name
	Unchecked bool // WITHOUT VALIDATION: rows need not belong into the partition
}

// Run makes the exchange. 1737 for rows that do not belong into the partition.
func (c *Exchange) Run(ctx context.Context, x *Executor, env *ddl.Env) error {
	return x.attempts(ctx, func(a attempt) error {
		return c.both(ctx, a, func(t, with *schema.Table) error { return c.run(ctx, a.Executor, env, t, with) })
	})
}

// both runs fn as the only change on both tables, which are taken in the order of their numbers.
func (c *Exchange) both(ctx context.Context, a attempt, fn func(t, with *schema.Table) error) error {
	first, second, swapped := c.Table, c.With, false
	if tables := a.named([]Name{c.Table, c.With}); len(tables) == 2 && tables[1].ID < tables[0].ID {
		first, second, swapped = second, first, true
	}
	return a.withTable(ctx, first, "EXCHANGE PARTITION", func(_ *schema.Database, one *schema.Table) error {
		return a.withTable(ctx, second, "EXCHANGE PARTITION", func(_ *schema.Database, other *schema.Table) error {
			if swapped {
				one, other = other, one
			}
			return fn(one, other)
		})
	})
}

func (c *Exchange) run(ctx context.Context, x *Executor, env *ddl.Env, t, with *schema.Table) error {
	unlock, err := env.Exclusive(ctx, t, with)
	if err != nil {
		return err
	}
	defer unlock()
	leaf, err := partitioning.Exchange(x.DB.Catalog(), t, c.Partition, with)
	if err != nil {
		return err
	}
	e := &exchanged{x: x, env: env, leaf: leaf}
	for _, from := range []*schema.Table{t, with} {
		next, err := x.AutoIncOf(ctx, from)
		if err != nil {
			return err
		}
		e.next = max(e.next, next)
	}
	gone, err := e.make(ctx, t, with)
	if err == nil {
		err = e.fill(ctx, t, with, c.Unchecked)
	}
	if err == nil {
		err = e.publish(ctx, t, with)
	}
	if err != nil {
		return errors.Join(err, dropAll(ctx, x, e.made))
	}
	return dropAll(ctx, x, gone)
}

// exchanged is what two tables will be.
type exchanged struct {
	x     *Executor
	env   *ddl.Env
	leaf  int // the partition's place
	parts *schema.Table
	alone *schema.Table
	made  []schema.Tablet
	next  uint64 // AUTO_INCREMENT value of both
}

// make makes the new tablets, which shards know from now on and the catalog does not.
func (e *exchanged) make(ctx context.Context, t, with *schema.Table) (gone []schema.Tablet, err error) {
	s := e.x.DB.Catalog()
	e.parts = t.Clone()
	e.parts.Version++
	p := e.parts.Partitioning
	p.Leaves()[e.leaf].ID = p.NextID
	p.NextID++
	db, _ := s.DatabaseByID(t.Database)
	if e.made, gone, err = retablet(ctx, e.x, db, t, e.parts); err != nil {
		return nil, err
	}
	e.alone = with.Clone()
	e.alone.Version++
	if !with.Split() {
		e.alone.Tablets = nil
	}
	db, _ = s.DatabaseByID(with.Database)
	if err = e.x.DB.PlaceTable(ctx, db, e.alone); err != nil {
		return nil, err
	}
	e.made = append(e.made, e.alone.Tablets...)
	return append(gone, with.Tablets...), e.install(ctx)
}

func (e *exchanged) install(ctx context.Context) error {
	err := e.x.DB.InstallTable(ctx, e.parts)
	if err == nil {
		err = e.x.DB.InstallTable(ctx, e.alone)
	}
	return err
}

// fill copies the rows as they are: the conversions find nothing to convert.
func (e *exchanged) fill(ctx context.Context, t, with *schema.Table, unchecked bool) error {
	env := *e.env
	env.Mode, env.Note = types.Mode{Loc: time.UTC, AllowInvalid: true}, nil
	in := &copier{x: e.x, env: &env, from: with, to: e.parts, same: true}
	if in.only = []int{e.leaf}; unchecked {
		in.tablet = &e.parts.Tablets[e.leaf]
	}
	if _, err := in.run(ctx); err != nil {
		switch mysqlerr.Code(err) {
		case mysqlerr.NoPartitionForValue, mysqlerr.RowNotInGivenPartitions:
			err = mysqlerr.New(mysqlerr.RowDoesNotMatchPartition)
		}
		return err
	}
	part := t.Clone()
	part.Tablets = t.Tablets[e.leaf : e.leaf+1]
	out := &copier{x: e.x, env: &env, from: part, to: e.alone, same: true}
	_, err := out.run(ctx)
	return err
}

// publish puts both tables into the catalog.
func (e *exchanged) publish(ctx context.Context, t, with *schema.Table) error {
	since, err := e.x.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	for _, next := range []*schema.Table{e.parts, e.alone} { // what was copied is newer than it was where it came from
		next.RowsSince = uint64(since)
		next.Version++
	}
	if err := e.install(ctx); err != nil {
		return err
	}
	err = e.x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, change := range [][2]*schema.Table{{t, e.parts}, {with, e.alone}} {
			now, ok := tx.Snapshot.TableByID(change[0].ID)
			if !ok {
				return noSuchTable(tx.Snapshot, change[0])
			}
			if err := putRelated(tx, now, change[1]); err != nil {
				return err
			}
			tx.PutRecord(jobKind, jobKey(now.ID), nil)
		}
		return nil
	})
	if err != nil || e.parts.AutoIncColumn() < 0 || e.next <= 1 {
		return err
	}
	ctx = context.WithoutCancel(ctx) // of tablets that the catalog knows
	return errors.Join(e.x.DB.SetAutoInc(ctx, e.parts, e.next), e.x.DB.SetAutoInc(ctx, e.alone, e.next))
}
