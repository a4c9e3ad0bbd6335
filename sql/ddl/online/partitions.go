package online

import (
	"context"
	"errors"
	"slices"

	"cloudsql/sql/ddl"
	"cloudsql/storage/schema"
)

// runPartitions carries out a change by which partitions come and go: tablets do, and no row of another partition is touched.
func runPartitions(ctx context.Context, x *Executor, env *ddl.Env, db *schema.Database, c *ddl.Change) error {
	unlock, err := env.Exclusive(ctx, c.From)
	if err != nil {
		return err
	}
	defer unlock()
	next, err := x.AutoIncOf(ctx, c.From)
	if err != nil {
		return err
	}
	t := c.Table.Clone()
	t.Version = c.From.Version + 1
	made, gone, err := retablet(ctx, x, db, c.From, t)
	if err == nil {
		err = x.DB.InstallTable(ctx, t)
	}
	if err == nil {
		err = x.put(ctx, t, true, nil)
	}
	if err != nil {
		return errors.Join(err, dropAll(ctx, x, made))
	}
	if t.AutoIncColumn() >= 0 && next > 1 {
		err = x.DB.SetAutoInc(context.WithoutCancel(ctx), t, next) // of tablets that the catalog knows
	}
	return errors.Join(err, dropAll(ctx, x, gone))
}

// retablet gives t the tablets of its partitions: those that from has as well, and a new one for each that it has not.
func retablet(ctx context.Context, x *Executor, db *schema.Database, from, t *schema.Table) (made, gone []schema.Tablet, err error) {
	tablets := map[schema.PartitionID][]schema.Tablet{}
	for _, tb := range from.Tablets {
		tablets[tb.Partition] = append(tablets[tb.Partition], tb)
	}
	added := t.Clone()
	added.Partitioning, added.Tablets = &schema.Partitioning{}, nil
	for _, leaf := range t.Partitioning.Leaves() {
		if _, kept := tablets[leaf.ID]; !kept {
			added.Partitioning.Partitions = append(added.Partitioning.Partitions, *leaf)
		}
	}
	if err := x.DB.PlaceTable(ctx, db, added); err != nil {
		return nil, nil, err
	}
	made, t.RowsSince = added.Tablets, added.RowsSince
	for _, tb := range made {
		tablets[tb.Partition] = []schema.Tablet{tb}
	}
	t.Tablets = nil
	for _, leaf := range t.Partitioning.Leaves() {
		t.Tablets = append(t.Tablets, tablets[leaf.ID]...)
	}
	for _, tb := range from.Tablets {
		if !slices.ContainsFunc(t.Tablets, func(kept schema.Tablet) bool { return kept.ID == tb.ID }) {
			gone = append(gone, tb)
		}
	}
	return made, gone, nil
}

// dropAll removes tablets, also where the client has left.
func dropAll(ctx context.Context, x *Executor, tablets []schema.Tablet) error {
	if len(tablets) == 0 {
		return nil
	}
	return x.DB.DropTablets(context.WithoutCancel(ctx), tablets)
}
