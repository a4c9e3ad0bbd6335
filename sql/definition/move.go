package definition

import (
	"context"

	"cloudsql/sql/ddl/online"
	"cloudsql/sql/dialect"
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
