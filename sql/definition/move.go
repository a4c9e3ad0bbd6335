package definition

import (
	"context"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/online"
	"cloudsql/sql/dialect"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// MoveTablet is ALTER TABLE … MOVE TABLET.
func (s *Statements) MoveTablet(ctx context.Context, n dialect.MoveTablet) error {
	name, err := s.Name(n.Table)
	if err != nil {
		return err
	}
	if n.Cancel {
		return online.Moves{Executor: s.Executor}.CancelMove(ctx, name, schema.TabletID(n.Tablet))
	}
	return online.Moves{Executor: s.Executor}.MoveTablet(ctx, name, schema.TabletID(n.Tablet), schema.ShardID(n.Shard))
}

// SplitTablet is ALTER TABLE … SPLIT, at the keys of at, if there are any. Unique keys become such as hold over tablets first.
func (s *Statements) SplitTablet(ctx context.Context, n dialect.SplitTablet, at [][]ast.ExprNode) error {
	name, err := s.Name(n.Table)
	if err != nil {
		return err
	}
	_, err = s.Executor.Alter(ctx, s.Env, name, "SPLIT TABLET", func(_ *schema.Database, t *schema.Table) (*ddl.Change, error) { return ddl.PlanSpread(t), nil }, nil)
	if err != nil {
		return err
	}
	return online.Moves{Executor: s.Executor}.SplitTablet(ctx, name, func(t *schema.Table) (schema.TabletID, catalog.Split, error) {
		tablet, split := schema.TabletID(n.Tablet), catalog.Split{Into: int(min(n.Into, catalog.MostTablets+1))} //nolint:gosec // bounded
		for _, id := range n.Shards {
			split.Shards = append(split.Shards, schema.ShardID(id))
		}
		var err error
		if n.Into == 0 {
			split.At, err = ddl.TabletBounds(s.Env, t, at)
		}
		if err == nil && tablet == 0 {
			tablet, err = tabletOf(t, split.At)
		}
		if n.Spread {
			split.Shards = s.dataShards(t, tablet)
		}
		return tablet, split, err
	})
}

// tabletOf is the tablet that is meant where no number is given: the one that bounds are in, where there are no partitions, or the only one. 1525.
func tabletOf(t *schema.Table, bounds [][]byte) (schema.TabletID, error) {
	switch {
	case len(bounds) > 0 && t.Partitioning == nil:
		return t.TabletFor(bounds[0]).ID, nil
	case len(t.Tablets) > 1:
		return 0, mysqlerr.New(mysqlerr.WrongValue, "TABLET", "")
	}
	return t.Tablets[0].ID, nil
}

// dataShards lists the shards that have tables' rows, the tablet's own first.
func (s *Statements) dataShards(t *schema.Table, tablet schema.TabletID) []schema.ShardID {
	var list []schema.ShardID
	for _, h := range s.DB.Catalog().Shards() {
		if h.ID != schema.SystemShard {
			list = append(list, h.ID)
		}
	}
	for i := range t.Tablets {
		if at := slices.Index(list, t.Tablets[i].Shard); t.Tablets[i].ID == tablet && at > 0 {
			return slices.Concat(list[at:], list[:at])
		}
	}
	return list
}

// SetColumnar is ALTER TABLE … SET COLUMNAR REPLICA: each replica keeps a copy of the rows in columns, or none.
func (s *Statements) SetColumnar(ctx context.Context, n dialect.SetColumnar) error {
	if n.Replicas > 1 {
		return mysqlerr.NotSupported("more than one columnar copy in a replica")
	}
	name, err := s.Name(n.Table)
	if err != nil {
		return err
	}
	if s.Temporary.Named(name.DB, name.Table) {
		return mysqlerr.NotSupported("a columnar copy of a temporary table")
	}
	_, err = s.Executor.Alter(ctx, s.Env, name, "SET COLUMNAR REPLICA", func(_ *schema.Database, t *schema.Table) (*ddl.Change, error) {
		return ddl.PlanColumnar(t, n.Replicas == 1), nil
	}, nil)
	return err
}

// MergeTablets is ALTER TABLE … MERGE TABLETS.
func (s *Statements) MergeTablets(ctx context.Context, n dialect.MergeTablets) error {
	name, err := s.Name(n.Table)
	if err != nil {
		return err
	}
	tablets := make([]schema.TabletID, len(n.Tablets))
	for i, id := range n.Tablets {
		tablets[i] = schema.TabletID(id)
	}
	return online.Moves{Executor: s.Executor}.MergeTablets(ctx, name, tablets, schema.ShardID(n.Shard))
}
