package online

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/names"
	"cloudsql/sql/ddl/partitioning"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Exchange is EXCHANGE PARTITION: a partition of a table, and another table, take each other's rows.
//
// Their tablets can't just change sides, for shards know a tablet by its table's columns and indexes, which have other numbers in the other
// table. So both get new tablets, which are filled under locks of both tables and are found by second tables meanwhile, as those of a copy are;
// one change of the catalog puts them in their places. What a gateway leaves that dies midway, the next change of either table removes.
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
	part := &exchanged{x: x, was: t, from: t.ByLeaf()[leaf]}
	part.at = slices.IndexFunc(t.Tablets, func(tb schema.Tablet) bool { return tb.ID == part.from[0].ID })
	alone := &exchanged{x: x, was: with, from: with.Tablets}
	sides := []*exchanged{part, alone}
	for _, e := range sides {
		if err == nil {
			err = e.begin(ctx)
		}
	}
	if err == nil {
		err = fill(ctx, env, leaf, part, alone, c.Unchecked)
	}
	if err == nil {
		err = publishExchange(ctx, x, sides)
	}
	var gone []schema.Tablet
	for _, e := range sides {
		switch {
		case err == nil:
			gone = append(gone, e.from...)
		case e.second != nil:
			err = errors.Join(err, x.dropCopy(context.WithoutCancel(ctx), e.second))
		}
	}
	return errors.Join(err, dropAll(ctx, x, gone))
}

// exchanged is one of the two tables.
type exchanged struct {
	x      *Executor
	was    *schema.Table
	from   []schema.Tablet // those of its tablets that go
	at     int             // the place of the first of them
	now    *schema.Table   // with new tablets in their place
	second *schema.Table   // by which the catalog finds the new tablets until then
}

// begin makes the new tablets, in the shards of those that go and with their bounds.
func (e *exchanged) begin(ctx context.Context) error {
	db, ok := e.x.DB.Catalog().DatabaseByID(e.was.Database)
	if !ok {
		return noSuchTable(e.x.DB.Catalog(), e.was)
	}
	second := e.was.Clone()
	second.ID, second.Name, second.Partitioning, second.ForeignKeys = 0, names.Copy(e.was.ID), nil, nil
	if second.Tablets = e.from; len(e.from) == 1 {
		second.Tablets = nil
	}
	if err := e.x.DB.PlaceTable(ctx, db, second); err != nil {
		return err
	}
	second.Tablets = slices.Clone(second.Tablets)
	for i := range second.Tablets {
		id := second.Tablets[i].ID
		second.Tablets[i] = e.from[i]
		second.Tablets[i].ID = id
	}
	e.now = e.was.Clone()
	e.now.Tablets = slices.Replace(e.now.Tablets, e.at, e.at+len(e.from), second.Tablets...)
	fresh := *e.now
	fresh.Tablets = second.Tablets
	err := e.x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error { putSecond(tx, second, e.x.Owner); return nil })
	if err != nil {
		return err
	}
	e.second = second
	return e.x.DB.InstallTable(ctx, &fresh)
}

// fill copies the rows of the leaf at a place, and of the table, as they are: the conversions find nothing to convert.
func fill(ctx context.Context, env *ddl.Env, leaf int, part, alone *exchanged, unchecked bool) error {
	plain := *env
	plain.Mode, plain.Note = types.Mode{Loc: time.UTC, AllowInvalid: true}, nil
	in := &copier{x: part.x, env: &plain, from: alone.was, to: part.now, same: true}
	if in.only = []int{leaf}; unchecked {
		in.tablets = part.now.Tablets[part.at : part.at+len(part.from)]
	}
	if _, err := in.run(ctx); err != nil {
		switch mysqlerr.Code(err) {
		case mysqlerr.NoPartitionForValue, mysqlerr.RowNotInGivenPartitions:
			err = mysqlerr.New(mysqlerr.RowDoesNotMatchPartition)
		}
		return err
	}
	from := part.was.Clone()
	from.Tablets = part.from
	out := &copier{x: alone.x, env: &plain, from: from, to: alone.now, same: true}
	_, err := out.run(ctx)
	return err
}

// publishExchange puts the new tablets into their places, in both tables at once.
func publishExchange(ctx context.Context, x *Executor, sides []*exchanged) error {
	next := uint64(1) // both go on above all rows that either has had
	for _, e := range sides {
		value, err := x.AutoIncOf(ctx, e.was)
		if err != nil {
			return err
		}
		next = max(next, value)
	}
	since, err := x.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	for _, e := range sides {
		e.now.RowsSince = uint64(since) // what was copied is newer than it was where it came from
		e.now.Version++
		if err := x.DB.InstallTable(ctx, e.now); err != nil {
			return err
		}
		if e.now.AutoIncColumn() >= 0 && next > 1 {
			if err := x.DB.SetAutoInc(ctx, e.now, next); err != nil {
				return err
			}
		}
	}
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, e := range sides {
			now, ok := tx.Snapshot.TableByID(e.was.ID)
			second, filled := tx.Snapshot.TableByID(e.second.ID)
			if !ok || !filled || !slices.EqualFunc(second.Tablets, e.second.Tablets, sameTablet) {
				return noSuchTable(tx.Snapshot, e.was)
			}
			deleteTable(tx, e.second.ID)
			if err := putRelated(tx, now, e.now); err != nil {
				return err
			}
			tx.PutRecord(jobKind, jobKey(now.ID), nil)
		}
		tx.PutStatistics(sides[1].was.ID, nil) // they were of rows that are in the partition now
		return nil
	})
	if err != nil {
		return err
	}
	settle, cancel := context.WithTimeout(ctx, lastSettle)
	defer cancel()
	for _, e := range sides {
		_ = x.DB.AwaitSchema(settle, e.now) // the exchange is made, whatever becomes of the wait
	}
	return nil
}

func sameTablet(a, b schema.Tablet) bool { return a.ID == b.ID && a.Shard == b.Shard }
